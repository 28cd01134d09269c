/** The configuration of mosquitto in src/protocol/README.md, run to the letter: it works, and no device crosses to what is not its own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { hasMosquitto } from '../world/mosquitto.ts';
import { come, tryCrossings } from './support/crossings.ts';
import { PAGE_FILES, pageBlock, startPageBroker } from './support/page-broker.ts';
import type { PageBroker, PageFiles } from './support/page-broker.ts';

const canRun = hasMosquitto();
if (!canRun) process.stderr.write('the page about mosquitto needs mosquitto: npm run test:real installs it\n');
const withMosquitto = canRun ? describe : describe.skip;

const brokers: PageBroker[] = [];
async function start(files?: PageFiles): Promise<PageBroker> {
  const broker = await startPageBroker(files);
  brokers.push(broker);
  return broker;
}
afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

const withConf = (from: string, to: string): PageFiles => {
  const conf = PAGE_FILES['mosquitto.conf'].replace(from, to);
  expect(conf).not.toBe(PAGE_FILES['mosquitto.conf']);
  return { ...PAGE_FILES, 'mosquitto.conf': conf };
};

withMosquitto("the page's mosquitto.conf", () => {
  it.each([4, 5] as const)('lets no device cross, over MQTT %i', async (version) => {
    const outcomes = await tryCrossings(await start(), version);
    const crossed = outcomes.filter(({ isCrossed }) => isCrossed).map(({ attempt }) => attempt);
    process.stderr.write(`    crossings over MQTT ${version}: ${outcomes.length} tried, ${crossed.length} crossed\n`);
    expect(outcomes.length).toBeGreaterThanOrEqual(20);
    expect(crossed).toEqual([]);
    // Without `log_type debug` mosquitto says nothing of publishes, wills and `$share`.
    const untraced = outcomes.filter(({ trace }) => trace === undefined).map(({ attempt }) => attempt);
    expect(untraced.filter((attempt) => !/^(publish to|last will on|subscribe to \$share) ?/.test(attempt))).toEqual(
      [],
    );
  });

  it.each([4, 5] as const)('logs every attempt to cross with the line for it, over MQTT %i', async (version) => {
    const outcomes = await tryCrossings(
      await start(withConf('log_type error\n', `log_type error\n${pageBlock('every-packet')}`)),
      version,
    );
    const crossed = outcomes.filter(({ isCrossed }) => isCrossed).map(({ attempt }) => attempt);
    const untraced = outcomes.filter(({ trace }) => trace === undefined).map(({ attempt }) => attempt);
    process.stderr.write(`    traces over MQTT ${version}: ${outcomes.length} tried, ${untraced.length} left none\n`);
    expect({ crossed, untraced }).toEqual({ crossed: [], untraced: [] });
  });

  it('serves devices with certificates, also with a colon in their id', async () => {
    const broker = await start(
      withConf('password_file /mosquitto/config/devices.passwords\n', pageBlock('certificates')),
    );
    const { certPem: cert, keyPem: key } = await broker.authority.issueClient('aa:bb:cc');
    const { certPem: ca } = broker.authority;
    const operator = await come(broker.operatorUrl, { username: 'mir-operator', password: 'operator-secret' });
    const heard = new Promise<string>((resolve) => operator.on('message', (topic) => resolve(topic)));
    await operator.subscribeAsync('mir/v1alpha/#', { qos: 1 });
    const device = await come(broker.devicesUrl, { ca, cert, key, clientId: 'mir-operator-1a2b3c4d' });
    await expect(device.publishAsync('mir/v1alpha/pump-b/state', 'x', { qos: 1 })).rejects.toThrow(/Not authorized/);
    await device.publishAsync('mir/v1alpha/aa:bb:cc/state', 'x', { qos: 1 });
    expect(await heard).toBe('mir/v1alpha/aa:bb:cc/state');
    await expect(come(broker.devicesUrl, { ca, username: 'pump-a', password: 'a-secret' })).rejects.toThrow(
      /certificate|closed|alert/i,
    );
    for (const client of [operator, device]) client.end(true);
  });

  it('cannot have a password for an id with a colon, as the page says', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'mir-passwd-')), 'passwords');
    expect(() => execFileSync('mosquitto_passwd', ['-b', '-c', file, 'aa:bb', 'x'], { stdio: 'ignore' })).toThrow(
      /Command failed/,
    );
  });
});

withMosquitto('the mends that the page warns of', () => {
  it.each<[string, PageFiles]>([
    [
      'an operator listener for anyone',
      {
        ...withConf(
          'allow_anonymous false\npassword_file /mosquitto/config/operator.passwords\n',
          'allow_anonymous true\npassword_file /mosquitto/config/operator.passwords\n',
        ),
        'operator.acl': 'topic readwrite mir/v1alpha/#\nuser mir-operator\ntopic readwrite mir/v1alpha/#\n',
      },
    ],
    [
      'one password file for both',
      withConf(
        'password_file /mosquitto/config/operator.passwords\n',
        'password_file /mosquitto/config/devices.passwords\n',
      ),
    ],
  ])('let a device cross: %s', async (_mend, files) => {
    const broker = await start(files);
    const { certPem: ca } = broker.authority;
    const operatorId = 'mir-operator-1a2b3c4d';
    const anyone = await come(broker.operatorUrl, { clientId: operatorId }).catch(() => undefined);
    const device = await come(broker.operatorUrl, { ca, username: 'pump-a', password: 'a-secret' }).catch(
      () => undefined,
    );
    expect([anyone, device].filter((client) => client !== undefined).length).toBeGreaterThan(0);
    for (const client of [anyone, device]) client?.end(true);
  });
});
