import { describe, expect, it } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { loadKubeconfig } from './kubeconfig.ts';
import type { ClusterConfig, KubeconfigOptions } from './kubeconfig.ts';
import { CA, CERT, KEY, base64, folder, put, ALPHA, simple, loaded } from './testing/kubeconfigs.ts';

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
    expect(config.podNamespace).toBe('mir-system');
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
      podNamespace: undefined,
    });
  });

  it('POD_NAMESPACE says its namespace, whatever the credentials', async () => {
    account();
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', POD_NAMESPACE: 'site' };
    expect(await inPod(env)).toMatchObject({ namespace: 'mir-system', podNamespace: 'site' });
    expect(await inPod(env, { kubeconfig: simple({}) })).toMatchObject({ podNamespace: 'site' });
    expect(await inPod({ POD_NAMESPACE: '' }, { kubeconfig: simple({}) })).toMatchObject({ podNamespace: undefined });
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
