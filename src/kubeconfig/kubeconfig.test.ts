import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dump } from 'js-yaml';
import { loadKubeconfig } from './kubeconfig.ts';
import type { ClusterConfig, KubeconfigOptions } from './kubeconfig.ts';

const CA = '-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n';
const CERT = '-----BEGIN CERTIFICATE-----\nme\n-----END CERTIFICATE-----\n';
const KEY = '-----BEGIN PRIVATE KEY-----\nme\n-----END PRIVATE KEY-----\n';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, content: string): string {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  return whole;
}

interface Entries {
  readonly clusters?: Readonly<Record<string, unknown>>;
  readonly users?: Readonly<Record<string, unknown>>;
  /** `cluster/user` by name. */
  readonly contexts?: Readonly<Record<string, string>>;
  readonly current?: string;
}

function kubeconfig({ clusters = {}, users = {}, contexts = {}, current }: Entries): string {
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    ...(current === undefined ? {} : { 'current-context': current }),
    clusters: Object.entries(clusters).map(([name, cluster]) => ({ name, cluster })),
    users: Object.entries(users).map(([name, user]) => ({ name, user })),
    contexts: Object.entries(contexts).map(([name, pair]) => {
      const [cluster, user] = pair.split('/');
      return { name, context: { cluster, user } };
    }),
  });
}

const ALPHA = { server: 'https://alpha:6443/' };
const BETA = { server: 'https://beta:6443' };

/** A kubeconfig file of one context. */
const simple = (user: unknown, cluster: object = ALPHA): string =>
  put('config', kubeconfig({ clusters: { c: cluster }, users: { u: user }, contexts: { x: 'c/u' }, current: 'x' }));

const loaded = (paths: string | readonly string[], options: KubeconfigOptions = {}): Promise<ClusterConfig> =>
  loadKubeconfig({ env: {}, home: folder, ...options, kubeconfig: [paths].flat().join(':') });

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

describe('the login of a user', () => {
  it('may be data in the kubeconfig, which goes before files', async () => {
    const user = {
      'client-certificate-data': base64(CERT),
      'client-certificate': '/none',
      'client-key-data': base64(KEY),
      'client-key': '/none',
      token: 'secret',
    };
    const cluster = { ...ALPHA, 'certificate-authority-data': base64(CA), 'certificate-authority': '/none' };
    const config = await loaded(
      simple(user, { ...cluster, 'tls-server-name': 'kube', 'insecure-skip-tls-verify': true }),
    );
    expect(String(config.ca)).toBe(CA);
    expect(String(config.cert)).toBe(CERT);
    expect(String(config.key)).toBe(KEY);
    expect(await config.token()).toBe('secret');
    expect(config).toMatchObject({ serverName: 'kube', insecureSkipVerify: true });
  });

  const MISSING = /^client-(certificate|key) of user u cannot be read: .*ENOENT.*none.*; put a readable file there/;
  it.each([
    ['a certificate file that is missing', { 'client-certificate': 'none', 'client-key-data': base64(KEY) }, MISSING],
    ['a key file that is missing', { 'client-certificate-data': base64(CERT), 'client-key': 'none' }, MISSING],
    ['a certificate without a key', { 'client-certificate-data': base64(CERT) }, /^user u has one of client-certif/],
    ['a key without a certificate', { 'client-key-data': base64(KEY) }, /^user u has one of client-certificate and/],
    [
      'a certificate that is none',
      { 'client-certificate-data': 'bm9uZQ==', 'client-key-data': base64(KEY) },
      /^client-certificate of user u is not PEM/,
    ],
    ['a token file that is missing', { tokenFile: 'none' }, /^tokenFile of user u cannot be read: .*ENOENT/],
    ['a password', { username: 'me', password: 'x' }, /^user u has username and password, which is not supported/],
    ['impersonation', { token: 't', as: 'root' }, /^user u has impersonation \(as\), which is not supported/],
  ])('that has %s is refused', async (_what, user, why) => {
    await expect(loaded(simple(user))).rejects.toThrow(why);
  });

  it.each([
    [
      'a CA file that is missing',
      { 'certificate-authority': 'none.pem' },
      /^certificate-authority of cluster c cannot be read: .*ENOENT.*none.pem.*; put a readable file there/,
    ],
    ['a CA that is none', { 'certificate-authority-data': 'AAAA' }, /^certificate-authority of cluster c is not PEM/],
    ['a proxy', { 'proxy-url': 'http://proxy' }, /^cluster c wants proxy-url, which is not supported/],
  ])('is not tried at a cluster with %s', async (_what, more, why) => {
    await expect(loaded(simple({}, { ...ALPHA, ...more }))).rejects.toThrow(why);
  });

  it('reads a token file at once when its token was refused', async () => {
    put('token', 'old');
    const config = await loaded(simple({ tokenFile: 'token' }), { now: () => 0 });
    put('token', 'new');
    expect(await config.token()).toBe('old');
    expect(await config.token('old')).toBe('new');
    expect(await config.token('old')).toBe('new');
  });

  it('reads a token file again after a minute, and keeps the old token while it cannot be read', async () => {
    let now = 0;
    const path = put('token', 'first\n');
    const config = await loaded(simple({ tokenFile: 'token', token: 'inline' }), { now: () => now });
    expect(await config.token()).toBe('first');
    put('token', 'second\n');
    now = 59_999;
    expect(await config.token()).toBe('first');
    rmSync(path);
    now = 60_000;
    expect(await config.token()).toBe('first');
    put('token', '');
    expect(await config.token()).toBe('first');
    put('token', 'third');
    expect(await config.token()).toBe('third');
  });
});

describe('in a pod', () => {
  const inPod = (env: Readonly<Record<string, string>>, options: KubeconfigOptions = {}): Promise<ClusterConfig> =>
    loadKubeconfig({ env, home: folder, serviceAccount: join(folder, 'sa'), ...options });
  const account = (): void => {
    put('sa/token', 'first\n');
    put('sa/ca.crt', CA);
    put('sa/namespace', 'mir-system\n');
  };

  it.each([
    ['10.96.0.1', '443', 'https://10.96.0.1:443'],
    ['fd00:10:96::1', '6443', 'https://[fd00:10:96::1]:6443'],
    ['10.96.0.1', undefined, 'https://10.96.0.1:443'],
  ])('the service account is used: %s', async (host, port, server) => {
    account();
    const env = { KUBERNETES_SERVICE_HOST: host, ...(port === undefined ? {} : { KUBERNETES_SERVICE_PORT: port }) };
    const config = await inPod(env);
    expect(config).toMatchObject({ server, namespace: 'mir-system', cert: undefined, insecureSkipVerify: false });
    expect(String(config.ca)).toBe(CA);
    expect(await config.token()).toBe('first');
  });

  it('its token is read again', async () => {
    account();
    let now = 0;
    const config = await inPod({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, { now: () => now });
    put('sa/token', 'second');
    now = 60_000;
    expect(await config.token()).toBe('second');
  });

  it('a kubeconfig that is named goes before it', async () => {
    account();
    expect(await inPod({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, { kubeconfig: simple({}) })).toMatchObject({
      server: 'https://alpha:6443',
    });
  });

  it('a CA that is missing is named', async () => {
    account();
    rmSync(join(folder, 'sa/ca.crt'));
    await expect(inPod({ KUBERNETES_SERVICE_HOST: '10.0.0.1' })).rejects.toThrow(
      /^the pod's service account CA cannot be read: .*ENOENT.*ca.crt/,
    );
  });

  it('the namespace may be missing', async () => {
    account();
    rmSync(join(folder, 'sa/namespace'));
    expect(await inPod({ KUBERNETES_SERVICE_HOST: '10.0.0.1' })).toMatchObject({ namespace: undefined });
  });
});

describe('a login provider', () => {
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url');
  const idToken = (exp: number): string => `${part({ alg: 'none' })}.${part({ exp })}.${part({})}`;

  it('oidc gives its id token', async () => {
    const provider = { name: 'oidc', config: { 'id-token': idToken(4_000_000_000), 'idp-issuer-url': 'https://id' } };
    const config = await loaded(simple({ 'auth-provider': provider }));
    expect(await config.token()).toBe(idToken(4_000_000_000));
  });

  it('oidc says when its id token is over and cannot be renewed', async () => {
    const provider = { name: 'oidc', config: { 'id-token': idToken(1) } };
    await expect(loaded(simple({ 'auth-provider': provider }))).rejects.toThrow(
      'the id-token of user u has expired; log in again, or give a refresh-token',
    );
  });

  it('that nobody knows is refused', async () => {
    await expect(loaded(simple({ 'auth-provider': { name: 'gcp', config: {} } }))).rejects.toThrow(
      'user u has auth-provider gcp, which is not supported; use a token, certificate or exec plugin',
    );
  });
});

describe('an exec plugin', () => {
  const API = 'client.authentication.k8s.io/v1';

  /** A plugin that keeps a line for each run in the file `runs`. */
  function plugin(script: string, more: object = {}, cluster: object = ALPHA): string {
    const path = put('bin/plugin', `#!/bin/sh\necho run >> "$RUNS"\n${script}\n`);
    chmodSync(path, 0o755);
    const env = [{ name: 'RUNS', value: join(folder, 'runs') }];
    return simple({ exec: { apiVersion: API, command: './bin/plugin', env, ...more } }, cluster);
  }
  const runs = (): number => readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n').length;
  const credential = (status: object): string => JSON.stringify({ apiVersion: API, kind: 'ExecCredential', status });
  /** Says what stands in the file `answer`. */
  const SAYS = `cat "$(dirname "$0")/../answer"`;
  const answer = (status: object): string => put('answer', credential(status));

  it('is found beside the kubeconfig and gives a token, once for all who ask', async () => {
    answer({ token: 'secret' });
    const config = await loaded(plugin(SAYS));
    expect(await Promise.all([config.token(), config.token()])).toEqual(['secret', 'secret']);
    expect(runs()).toBe(1);
  });

  it('runs again before its token expires, once for all who ask', async () => {
    let now = Date.UTC(2026, 0, 1);
    const until = (ms: number): string => new Date(now + ms).toISOString();
    answer({ token: 'first', expirationTimestamp: until(60_000) });
    const config = await loaded(plugin(SAYS), { now: () => now });
    answer({ token: 'second', expirationTimestamp: until(3_600_000) });
    now += 49_000;
    expect(await config.token()).toBe('first');
    now += 2000;
    expect(await Promise.all([config.token(), config.token()])).toEqual(['second', 'second']);
    expect(runs()).toBe(2);
  });

  it('runs again when its token was refused, but not for a token that it gave before', async () => {
    answer({ token: 'revoked' });
    const config = await loaded(plugin(SAYS));
    answer({ token: 'fresh' });
    expect(await Promise.all([config.token('revoked'), config.token('revoked')])).toEqual(['fresh', 'fresh']);
    expect(await config.token('revoked')).toBe('fresh');
    expect(runs()).toBe(2);
  });

  it('may fail while the old token still counts, and is told when it does not', async () => {
    let now = Date.UTC(2026, 0, 1);
    answer({ token: 'first', expirationTimestamp: new Date(now + 60_000).toISOString() });
    const config = await loaded(plugin(SAYS), { now: () => now });
    rmSync(join(folder, 'answer'));
    now += 55_000;
    expect(await config.token()).toBe('first');
    now += 5000;
    await expect(config.token()).rejects.toThrow(/^exec plugin .*bin\/plugin of user u failed with exit code 1: cat: /);
    answer({ token: 'second' });
    expect(await config.token()).toBe('second');
  });

  it('gives a certificate', async () => {
    answer({ clientCertificateData: CERT, clientKeyData: KEY });
    const config = await loaded(plugin(SAYS));
    expect([String(config.cert), String(config.key), await config.token()]).toEqual([CERT, KEY, undefined]);
  });

  it('is told what it must know', async () => {
    const config = await loaded(
      plugin(
        `[ "$1" = get-token ] && [ "$EXTRA" = yes ] || exit 7
         printf '{"apiVersion": "${API}", "kind": "ExecCredential", "status": {"token": "%s"}}' \\
           "$(printf %s "$KUBERNETES_EXEC_INFO" | base64 -w0)"`,
        {
          args: ['get-token'],
          env: [
            { name: 'RUNS', value: join(folder, 'runs') },
            { name: 'EXTRA', value: 'yes' },
          ],
          provideClusterInfo: true,
        },
        { ...ALPHA, 'certificate-authority': put('ca.pem', CA), 'tls-server-name': 'kube' },
      ),
    );
    expect(JSON.parse(Buffer.from((await config.token()) ?? '', 'base64').toString())).toEqual({
      apiVersion: API,
      kind: 'ExecCredential',
      spec: {
        interactive: false,
        cluster: {
          server: 'https://alpha:6443',
          'certificate-authority-data': Buffer.from(CA).toString('base64'),
          'tls-server-name': 'kube',
        },
      },
    });
  });

  it.each([
    [
      'says why',
      'echo "please log in: aws sso login" >&2; exit 3',
      /failed with exit code 3: please log in: aws sso login$/,
    ],
    ['says nothing', 'exit 3', /failed with exit code 3$/],
    ['answers nonsense', 'echo nonsense', /did not answer with an ExecCredential of client.authentication.k8s.io\/v1/],
    ['answers without credentials', `echo '${credential({})}'`, /answered without a token or certificate/],
    [
      'answers in another version',
      `echo '${credential({ token: 't' }).replace('/v1', '/v1beta1')}'`,
      /did not answer with an ExecCredential of client.authentication.k8s.io\/v1/,
    ],
  ])('that %s is an error that names it', async (_what, script, why) => {
    const path = plugin(script);
    await expect(loaded(path)).rejects.toThrow(/^exec plugin .*bin\/plugin of user u /);
    await expect(loaded(path)).rejects.toThrow(why);
  });

  it('that is not installed is named with the hint of the kubeconfig', async () => {
    const exec = { apiVersion: API, command: 'no-such-plugin', installHint: 'apt install it' };
    await expect(loaded(simple({ exec }))).rejects.toThrow(
      'exec plugin no-such-plugin of user u is not installed; apt install it',
    );
  });

  it('that must ask a person is refused', async () => {
    await expect(loaded(plugin(SAYS, { interactiveMode: 'Always' }))).rejects.toThrow(
      /^exec plugin .* of user u wants a terminal \(interactiveMode: Always\)/,
    );
  });
});
