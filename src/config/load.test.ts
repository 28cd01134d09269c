import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { renderConfigTable } from './docs.ts';
import { accepts } from './option.ts';
import { ALL_OPTIONS } from './options.ts';
import { loadConfig } from './load.ts';
import type { Config } from './load.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mir-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function writeConfig(content: string): string {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
  writeFileSync(path, content);
  return path;
}

function configOf(argv: string[], env: Record<string, string> = {}): Config {
  const result = loadConfig(argv, env);
  if (result.kind !== 'run') throw new Error(`expected a configuration, got ${JSON.stringify(result)}`);
  return result.config;
}

function errorOf(argv: string[], env: Record<string, string> = {}): string {
  const result = loadConfig(argv, env);
  if (result.kind !== 'error') throw new Error(`expected an error, got ${JSON.stringify(result)}`);
  return result.message;
}

describe('loadConfig', () => {
  it('has defaults for everything', () => {
    expect(configOf([])).toMatchObject({
      mqttUrl: 'mqtt://127.0.0.1:1883',
      topicPrefix: 'mir/v1alpha',
      httpAddress: ':8080',
      namespace: undefined,
      leaderElection: true,
      maxDocumentBytes: 16_384,
      takeOverForeign: [],
    });
  });

  it('keeps every default valid by its own rule', () => {
    for (const [key, option] of ALL_OPTIONS) {
      const valid = option.default === undefined || accepts(option, option.default);
      expect({ key, valid }).toEqual({ key, valid: true });
    }
  });

  it('prefers flags to the environment, the environment to the file, the file to defaults', () => {
    const file = writeConfig('pageSize: 1\npageConcurrency: 2\nsettleMs: 3\n');
    const env = { MIR_PAGE_SIZE: '10', MIR_PAGE_CONCURRENCY: '20', MIR_CONFIG: file };
    const config = configOf(['--page-size', '30'], env);
    expect([config.pageSize, config.pageConcurrency, config.settleMs, config.eventsPerSecond]).toEqual([30, 20, 3, 10]);
  });

  it('takes the file of --config rather than that of MIR_CONFIG', () => {
    const [byFlag, byEnv] = [writeConfig('pageSize: 7'), writeConfig('pageSize: 8')];
    expect(configOf([`--config=${byFlag}`], { MIR_CONFIG: byEnv }).pageSize).toBe(7);
  });

  it('reads JSON as well as YAML', () => {
    const config = configOf(['--config', writeConfig('{"takeOverForeign": ["a", "b"], "leaderElection": false}')]);
    expect(config).toMatchObject({ takeOverForeign: ['a', 'b'], leaderElection: false });
  });

  it.each([
    [['--leader-election'], true],
    [['--no-leader-election'], false],
    [['--leader-election=false'], false],
    [['--leader-election=true'], true],
    [['--leader-election', 'false'], false],
    [['--leader-election', 'true'], true],
    [['--no-leader-election=false'], true],
    [['--no-leader-election', 'true'], false],
    [['--leader-election', '--page-size=1'], true],
  ])('reads %j as a boolean', (argv, expected) => {
    expect(configOf(argv, { MIR_LEADER_ELECTION: String(!expected) }).leaderElection).toBe(expected);
  });

  const booleans = [...ALL_OPTIONS].filter(([, { kind }]) => kind === 'boolean').map(([key]) => key);

  it.each(booleans)('reads the value of %s also as the next argument', (key) => {
    const flag = `--${key.replaceAll(/[A-Z]/g, '-$&').toLowerCase()}`;
    for (const value of [true, false]) {
      expect(configOf([flag, String(value), '--page-size', '7'])).toMatchObject({ [key]: value, pageSize: 7 });
    }
  });

  it('reads lists, KUBECONFIG and the password from the environment', () => {
    const env = { KUBECONFIG: '/k', MIR_TAKE_OVER_FOREIGN: 'a, b', MIR_MQTT_PASSWORD: 'secret' };
    expect(configOf([], env)).toMatchObject({ kubeconfig: '/k', takeOverForeign: ['a', 'b'], mqttPassword: 'secret' });
  });

  it('takes an empty variable or file value for not given', () => {
    const file = writeConfig('namespace:\npageSize: 5\n');
    expect(configOf([], { MIR_NAMESPACE: '', MIR_PAGE_SIZE: '', MIR_CONFIG: file })).toMatchObject({
      namespace: undefined,
      pageSize: 5,
    });
  });

  it.each([':8080', '127.0.0.1:0', '[::1]:9000', 'localhost:1'])('takes %s as an address', (address) => {
    expect(configOf(['--http-address', address]).httpAddress).toBe(address);
  });

  it.each([
    [['--page-size', 'many'], '--page-size: "many" is not valid; use a whole number from 1 to 10000'],
    [['--page-size=0'], '--page-size: 0 is not valid'],
    [['--page-size=1.5'], '--page-size: 1.5 is not valid'],
    [['--page-size'], '--page-size has no value: write --page-size=value'],
    [['--page-size', '--settle-ms=1'], '--page-size has no value'],
    [['--pagesize=1'], 'unknown flag --pagesize; did you mean --page-size?; see --help'],
    [['--zzzzzzzzzzzz'], 'unknown flag --zzzzzzzzzzzz; see --help'],
    [['--mqtt-password=x'], 'unknown flag --mqtt-password'],
    [['--leader-election', 'no'], '--leader-election: "no" is not valid; use true or false'],
    [['--leader-election', 'false', 'x'], 'unexpected argument "x": write --option=value'],
    [['--leader-election=yes'], '--leader-election: "yes" is not valid; use true or false'],
    [['--topic-prefix', 'one'], 'use exactly two topic levels'],
    [['--topic-prefix', 'a/b/c'], 'use exactly two topic levels'],
    [['--topic-prefix', 'a/+'], 'use exactly two topic levels'],
    [['--topic-prefix', '$share/b'], 'use exactly two topic levels'],
    [['--topic-prefix', 'mir/a\u200bb'], 'without +, #, spaces or invisible characters'],
    [['--topic-prefix', 'mir/\u{f0000}'], '--topic-prefix: "mir/\\udb80\\udc00" is not valid'],
    [['--topic-prefix', 'mir/a\u200bb'], '--topic-prefix: "mir/a\\u200bb" is not valid'],
    [['--topic-prefix', `mir/${'a'.repeat(240)}`], 'a shorter prefix or a --max-topic-bytes of at least 257'],
    [
      ['--max-topic-bytes', '32', '--topic-prefix', 'mir/umläute-länger'],
      'no topic below "mir/umläute-länger" has at most 32',
    ],
    [['--mqtt-client-id', 'a\u0007'], 'use 1 to 128 visible characters'],
    [['--mqtt-url', 'http://x'], '--mqtt-url: "http://x" is not valid; use mqtt://'],
    [['--mqtt-protocol-version', '3'], 'use 5 or 4'],
    [['--http-address', '8080'], '--http-address: "8080" is not valid; use host:port'],
    [['--http-address', ':65536'], '--http-address: ":65536" is not valid'],
    [['--log-level', 'loud'], '--log-level: "loud" is not valid; use debug, info, warn, error, silent'],
    [['--mqtt-cert-file', 'a.pem'], '--mqtt-cert-file needs mqttKeyFile; give both or neither'],
    [
      ['--namespace', 'a', '--provision-namespace', 'b'],
      '--provision-namespace must be the namespace that is served (--namespace a)',
    ],
    [['--provision-labels', 'a b=c'], '--provision-labels: ["a b=c"] is not valid; use labels separated by commas'],
    [['--config', '/does/not/exist'], '--config /does/not/exist cannot be read: ENOENT'],
  ])('refuses %j by name, value and remedy', (argv, message) => {
    expect(errorOf(argv)).toContain(message);
  });

  it.each([
    ['pagesize: 1', 'unknown option pagesize in '],
    ['pagesize: 1', 'did you mean pageSize?'],
    ['mqttPassword: x', 'unknown option mqttPassword in '],
    ['pageSize: "5"', 'pageSize in '],
    ['__proto__: {pageSize: 1}', 'unknown option __proto__'],
    ['- 1', 'is not a mapping'],
    ['a: [', 'cannot be read'],
  ])('refuses the file %j', (content, message) => {
    expect(errorOf(['--config', writeConfig(content)])).toContain(message);
  });

  it('tells every mistake at once, a line each', () => {
    expect(errorOf(['--page-size=x', '--nope'], { MIR_SETTLE_MS: '-1' }).split('\n')).toHaveLength(3);
  });

  it('never repeats a password', () => {
    expect(errorOf(['--mqtt-url', 'mqtt://me:secret@host'])).not.toContain('secret');
  });

  it('answers help and version before it judges the rest', () => {
    expect(loadConfig(['--nope', '--help'], {})).toMatchObject({ kind: 'help' });
    expect(loadConfig(['--version'], {})).toMatchObject({
      kind: 'version',
      text: expect.stringMatching(/^mir-operator \d/),
    });
  });
});

describe('the documentation of the options', () => {
  const help = loadConfig(['--help'], {});

  it.each([...ALL_OPTIONS.keys()])('names %s in help and in the table', (key) => {
    expect(renderConfigTable()).toContain(`| \`${key}\` |`);
    const env = key === 'kubeconfig' ? 'KUBECONFIG' : `MIR_${key.replaceAll(/[A-Z]/g, '_$&').toUpperCase()}`;
    expect(help.kind === 'help' && help.text).toContain(env);
  });

  it('has five cells in every row', () => {
    for (const row of renderConfigTable().split('\n')) expect(row.split('|')).toHaveLength(7);
  });
});
