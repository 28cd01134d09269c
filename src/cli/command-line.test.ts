import { describe, expect, it } from '@jest/globals';
import { runCommandLine } from './command-line.ts';

async function run(line: string) {
  const shown = { stdout: '', stderr: '' };
  const io = {
    out: (text: string) => void (shown.stdout += text),
    err: (text: string) => void (shown.stderr += text),
    stdin: () => Promise.resolve(''),
    isTerminal: false,
    columns: 80,
    hasColor: false,
    env: { KUBECONFIG: '/nowhere' },
    now: () => 0,
    signal: new AbortController().signal,
  };
  return { code: await runCommandLine(line.split(' '), io), ...shown };
}

describe('the exit code', () => {
  it.each([
    'get --bogus',
    'nonsense',
    'get -o tabel',
    'schema list --bogus',
    'schema show',
    'schema nonsense',
    'set a sensor.v1.Rate b=1 --wait=Later',
    'wait a --timeout soon',
  ])('is 2 for what is not understood: %s', async (line) => expect((await run(line)).code).toBe(2));

  it.each(['--help', 'get --help', 'help set', 'schema list --help'])('is 0 for %s', async (line) =>
    expect((await run(line)).code).toBe(0),
  );
});
