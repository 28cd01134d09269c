import { describe, expect, it } from '@jest/globals';
import type { Io } from '../base/context.ts';
import { createProgram } from '../program.ts';
import { readTyped } from './word.ts';

const IO: Io = {
  out: () => undefined,
  err: () => undefined,
  stdin: () => Promise.resolve(''),
  isTerminal: false,
  columns: 80,
  hasColor: false,
  env: {},
  now: () => 0,
  signal: new AbortController().signal,
};
const program = createProgram(IO, () => undefined);
const typed = (line: string) => readTyped(program, line.split(' '));
const given = (line: string): string[] => {
  const { wanted } = typed(line);
  return wanted.kind === 'given' ? wanted.completions.map(({ value }) => value) : [wanted.kind];
};

describe('what is typed behind kubectl mir', () => {
  it('begins with a command', () => {
    expect(given('')).toEqual(expect.arrayContaining(['get', 'set', 'refresh', 'schema', 'help']));
    expect(typed('se').prefix).toBe('se');
  });

  it.each([
    ['get -', ['--namespace', '--selector', '--output', '--watch']],
    ['get -n x --', ['--watch']],
    ['schema push --', ['--include']],
    ['set a sensor.v1.Rate --', ['--wait', '--yes', '--json']],
  ])('has the flags of the command: %s', (line, flags) => {
    expect(given(line)).toEqual(expect.arrayContaining(flags));
  });

  it.each([
    ['get -o ', ['table', 'wide', 'json', 'yaml', 'name', 'mir']],
    ['get --output=', ['table', 'wide', 'json', 'yaml', 'name', 'mir']],
    ['wait --for ', ['Ready', 'Synced', 'Online', 'SchemaValid']],
    ['set --wait=', ['Synced', 'Acknowledged']],
    ['convert --to ', ['kubernetes', 'mir']],
    ['get -n ', ['namespaces']],
    ['get --context ', ['contexts']],
    ['get --target.labels ', ['labels']],
    ['apply -f ', ['files']],
    ['set --timeout ', []],
  ])('has the values of a flag: %s', (line, values) => {
    expect(given(line)).toEqual(values);
  });

  it.each([
    ['get ', 'devices'],
    ['list ', 'devices'],
    ['describe one ', 'devices'],
    ['wait -l a=b ', 'devices'],
    ['refresh ', 'devices'],
    ['top ', 'devices'],
    ['schema show ', 'schemas'],
    ['schema push ', 'files'],
    ['set ', 'change'],
    ['unset one ', 'change'],
    // The value of --wait stands behind a sign of equality, or not at all.
    ['set --wait ', 'change'],
  ])('has the words of a command: %s', (line, kind) => {
    expect(typed(line).wanted.kind).toBe(kind);
  });

  it('has the commands below one, and those that help tells of', () => {
    expect(given('schema ')).toEqual(['list', 'show', 'push']);
    expect(given('help ')).toEqual(expect.arrayContaining(['get', 'set']));
    expect(given('apply ')).toEqual([]);
  });

  it('says which cluster is meant', () => {
    expect(typed('get -n a --context=b --kubeconfig c ').flags).toEqual({
      namespace: 'a',
      context: 'b',
      kubeconfig: 'c',
    });
    expect(typed('get --output=w')).toMatchObject({ prefix: 'w' });
    expect(typed('set one two sensor.v1.Rate a=1 ').wanted).toEqual({
      kind: 'change',
      words: ['one', 'two', 'sensor.v1.Rate', 'a=1'],
    });
  });
});
