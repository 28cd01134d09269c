import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { loadKubeconfig } from './kubeconfig.ts';
import { CA, CERT, KEY, folder, put, kubeconfig, ALPHA, BETA, simple, loaded } from './testing/kubeconfigs.ts';
import type { Entries } from './testing/kubeconfigs.ts';

describe('the files of a kubeconfig', () => {
  it('come from the home folder when none is named', async () => {
    put('.kube/config', kubeconfig({ clusters: { c: ALPHA }, contexts: { x: 'c/' }, current: 'x' }));
    expect(await loaded('')).toMatchObject({ server: 'https://alpha:6443' });
  });

  it('may be missing as long as one is there', async () => {
    const there = simple({ token: 't' });
    for (const paths of [
      [join(folder, 'none'), there],
      [there, join(folder, 'none')],
    ]) {
      expect(await loaded(paths)).toMatchObject({ server: 'https://alpha:6443' });
    }
  });

  it('are asked for when all are missing', async () => {
    const none = join(folder, 'none');
    await expect(loaded([none, `${none}2`])).rejects.toThrow(
      `no kubeconfig: ${none}:${none}2 does not exist; name one with --kubeconfig or KUBECONFIG`,
    );
  });

  it('are asked for in a pod without a token too, with what is missing there', async () => {
    await expect(loadKubeconfig({ env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, home: folder })).rejects.toThrow(
      /no kubeconfig: .*config does not exist; .*automountServiceAccountToken/,
    );
  });

  it('may be empty', async () => {
    const empty = put('empty', '# nothing yet\n');
    expect(await loaded([empty, simple({})])).toMatchObject({ server: 'https://alpha:6443' });
  });

  it.each([
    ['is broken YAML', 'clusters: [', /unexpected end of the stream/],
    ['is no mapping', '- a\n- b\n', /it is no kubeconfig/],
    ['is some text', 'hello', /it is no kubeconfig/],
  ])('is named when it %s', async (_what, text, why) => {
    const path = put('bad', text);
    await expect(loaded(path)).rejects.toThrow(`kubeconfig ${path} cannot be read: `);
    await expect(loaded(path)).rejects.toThrow(why);
    await expect(loaded(path)).rejects.toThrow(/; give a readable one with --kubeconfig$/);
  });

  it('is named when it is a folder', async () => {
    await expect(loaded(folder)).rejects.toThrow(/^kubeconfig .* cannot be read: .*EISDIR/);
  });
});

describe('the YAML of a kubeconfig', () => {
  const merged = (server: string): string =>
    put(
      'config',
      `
x-defaults:
  cluster: &cluster {server: "https://other:6443", tls-server-name: kube}
  user: &user {token: 2024-01-15}
clusters:
- name: c
  cluster:
    <<: *cluster
    server: ${server}
    insecure-skip-tls-verify: yes
users:
- {name: u, user: {<<: [*user]}}
contexts:
- {name: x, context: {cluster: c, user: u}}
current-context: x
`,
    );

  it('is that of kubectl: merge keys, yes for true, and dates that stay text', async () => {
    const config = await loaded(merged('https://alpha:6443'));
    expect(config).toMatchObject({ server: 'https://alpha:6443', serverName: 'kube', insecureSkipVerify: true });
    expect(await config.token()).toBe('2024-01-15');
  });

  it('may name the server with a scheme in capitals', async () => {
    expect(await loaded(merged('HTTPS://Alpha:6443/'))).toMatchObject({ server: 'https://Alpha:6443' });
  });
});

describe('several kubeconfigs', () => {
  it('are merged as kubectl merges: the first to name a thing wins, and the first current-context', async () => {
    const first = put('first', kubeconfig({ clusters: { c: ALPHA }, users: { u: { token: 'first' } } }));
    const second = put(
      'second',
      kubeconfig({
        clusters: { c: BETA, d: BETA },
        users: { u: { token: 'second' } },
        contexts: { x: 'c/u', y: 'd/u' },
        current: 'x',
      }),
    );
    const third = put('third', kubeconfig({ contexts: { x: 'd/u' }, current: 'y' }));
    const config = await loaded([first, second, third]);
    expect(config).toMatchObject({ server: 'https://alpha:6443' });
    expect(await config.token()).toBe('first');
    expect(await loaded([first, second, third], { context: 'y' })).toMatchObject({ server: 'https://beta:6443' });
  });

  it('hold paths relative to their own folders', async () => {
    put('one/ca.pem', CA);
    put('two/me.pem', CERT);
    put('two/me.key', KEY);
    put('two/token', 'secret\n');
    const one = put('one/config', kubeconfig({ clusters: { c: { ...ALPHA, 'certificate-authority': 'ca.pem' } } }));
    const user = { 'client-certificate': './me.pem', 'client-key': 'me.key', tokenFile: '../two/token' };
    const two = put('two/config', kubeconfig({ users: { u: user }, contexts: { x: 'c/u' }, current: 'x' }));
    const config = await loaded([one, two]);
    expect(String(config.ca)).toBe(CA);
    expect(String(config.cert)).toBe(CERT);
    expect(String(config.key)).toBe(KEY);
    expect(await config.token()).toBe('secret');
  });
});

describe('a context', () => {
  it('is asked for when none is current', async () => {
    const path = put('config', kubeconfig({ clusters: { c: ALPHA } }));
    await expect(loaded(path)).rejects.toThrow(`kubeconfig ${path} has no current-context; choose one with --context`);
  });

  it.each([
    ['that is not there', {}, /has no context x/],
    ['without a cluster', { contexts: { x: '' } }, /has no context x/],
    ['of an absent cluster', { contexts: { x: 'none/u' }, users: { u: {} } }, /context x names cluster none, /],
    [
      'of an absent user',
      { contexts: { x: 'c/none' }, clusters: { c: ALPHA } },
      /context x names user none, which .* lacks/,
    ],
    ['whose cluster has no server', { contexts: { x: 'c/' }, clusters: { c: {} } }, /context x names cluster c, /],
    [
      'whose server is no URL',
      { contexts: { x: 'c/' }, clusters: { c: { server: 'alpha:6443' } } },
      /server alpha:6443 of cluster c is no URL; .*https:\/\//,
    ],
  ])('%s is refused', async (_what, entries: Entries, why) => {
    await expect(loaded(put('config', kubeconfig({ ...entries, current: 'x' })))).rejects.toThrow(why);
  });

  it('is not held back by broken entries of others', async () => {
    const path = put(
      'config',
      kubeconfig({ clusters: { c: ALPHA, b: {} }, contexts: { y: '', x: 'c/' }, current: 'x' }),
    );
    expect(await loaded(path)).toMatchObject({ server: 'https://alpha:6443' });
  });

  it.each([
    ['names no user', { contexts: { x: 'c/' } }],
    ['names a user of null', { users: { u: null }, contexts: { x: 'c/u' } }],
    ['names a user of nothing', { users: { u: {} }, contexts: { x: 'c/u' } }],
  ])('that %s goes on without credentials', async (_what, entries: Entries) => {
    const config = await loaded(put('config', kubeconfig({ clusters: { c: ALPHA }, current: 'x', ...entries })));
    expect(config).toMatchObject({ server: 'https://alpha:6443', cert: undefined, key: undefined });
    expect(await config.token()).toBeUndefined();
  });
});
