import { describe, expect, it } from '@jest/globals';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CA, CERT, KEY, folder, put, ALPHA, simple, loaded } from './testing/kubeconfigs.ts';

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
