/** Certificates and passwords that go wrong, are revoked and are rotated while changes and reports flow, with real mosquitto. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import { bundle, startTlsBroker } from './support/tls-broker.ts';
import type { BrokerFiles, TlsBroker } from './support/tls-broker.ts';
import { ClientFolder, TlsScene } from './support/tls-scene.ts';
import type { ClientFiles } from './support/tls-scene.ts';

const isReal = process.env['MIR_WORLD'] === 'real';
if (!isReal) process.stderr.write('rotated certificates need mosquitto: npm run test:real tests them\n');
const inRealWorld = isReal ? describe : describe.skip;

const OPERATOR = 'mir-operator';
const DEVICE = 'pump';
/** What both are let in with at first. */
const PASSWORDS = { [OPERATOR]: 'operator-one', [DEVICE]: 'device-one' };

let world: World;
let broker: TlsBroker;
let right: BrokerFiles;
let scene: TlsScene | undefined;

beforeAll(async () => {
  if (!isReal) return;
  [world, broker] = await Promise.all([openWorld(), startTlsBroker(PASSWORDS)]);
  const server = await broker.authority.issueServer('broker');
  right = { server, clientAuthorities: [broker.authority], revoked: [], passwords: PASSWORDS };
}, 120_000);
afterEach(async () => {
  await scene?.close();
  if (!isReal) return;
  await broker.write(right);
  await broker.restart();
});
afterAll(async () => {
  await world?.close();
  await broker?.close();
}, 120_000);

/** Generous: an operator starts, and everyone connects several times. Paid in full only by a failure. */
const LONG_MS = 180_000;

interface Trouble {
  readonly what: string;
  readonly door: 'password' | 'certificate';
  /** Of the client called `user`, whose files lie in `folder`. */
  readonly strike: (user: string, folder: ClientFolder) => Promise<void>;
  readonly mend: (user: string, folder: ClientFolder) => Promise<void>;
  /** What the operator says, and what a device says. */
  readonly operator: RegExp;
  readonly device: RegExp;
  /** Label of the metric. */
  readonly reason: string;
}

/** The broker comes back with these files. */
const restartWith = async (files: Partial<BrokerFiles>): Promise<void> => {
  await broker.write(files);
  await broker.restart();
};
const mendServer = (): Promise<void> => restartWith({ server: right.server });

const TROUBLES: readonly Trouble[] = [
  {
    what: 'a broker whose certificate another authority signed',
    door: 'password',
    strike: async () => restartWith({ server: await broker.stranger.issueServer('broker') }),
    mend: mendServer,
    operator: /has a certificate that is not trusted; check --mqtt-ca-file/,
    device: /has a certificate that is not trusted; check broker\.tls\.ca$/,
    reason: 'CertificateNotTrusted',
  },
  {
    what: 'a broker whose certificate is for another host',
    door: 'password',
    strike: async () => restartWith({ server: await broker.authority.issueServer('broker', 'elsewhere') }),
    mend: mendServer,
    operator: /has a certificate for another host \(DNS:other.example\); check --mqtt-url/,
    device: /has a certificate for another host \(DNS:other.example\); check broker\.url/,
    reason: 'CertificateForOtherHost',
  },
  {
    what: 'a broker whose certificate has expired',
    door: 'certificate',
    strike: async () => restartWith({ server: await broker.authority.issueServer('broker', 'expired') }),
    mend: mendServer,
    operator: /has a certificate that has expired; renew it/,
    device: /has a certificate that has expired; renew it there, or set the clock of this device$/,
    reason: 'CertificateExpired',
  },
  {
    what: 'a password that was revoked',
    door: 'password',
    strike: async (user) => {
      await broker.write({ passwords: { ...PASSWORDS, [user]: 'two' } });
      broker.reload();
    },
    mend: (_user, folder) => Promise.resolve(folder.write({ password: 'two' })),
    operator: /refused the operator: not authorised; check --mqtt-username, --mqtt-password-file/,
    device: /refused this device: not authorised; check broker\.username, broker\.password and the access rules/,
    reason: 'NotAuthorised',
  },
  {
    what: 'a client certificate that was revoked',
    door: 'certificate',
    strike: async (user, folder) => {
      const revoked = await broker.authority.issueClient(user);
      await broker.write({ revoked: [revoked] });
      folder.write({ cert: revoked.certPem, key: revoked.keyPem });
      // A list that was read again lets sessions go on that began before.
      await broker.restart();
    },
    mend: async (user, folder) => folder.write(await clientPair(user)),
    operator: /refused the client certificate: it is revoked; put another one into --mqtt-cert-file/,
    device: /refused the client certificate: it is revoked; give another broker\.tls\.cert and broker\.tls\.key$/,
    reason: 'ClientCertificateRevoked',
  },
  {
    what: 'a client certificate that has expired',
    door: 'certificate',
    strike: async (user, folder) => {
      const { certPem, keyPem } = await broker.authority.issueClient(user, undefined, 'expired');
      folder.write({ cert: certPem, key: keyPem });
      await broker.restart();
    },
    mend: async (user, folder) => folder.write(await clientPair(user)),
    operator: /refused the client certificate: it has expired; renew it/,
    device: /refused the client certificate: it has expired; renew broker\.tls\.cert and broker\.tls\.key$/,
    reason: 'ClientCertificateExpired',
  },
  {
    what: 'a broker that does not trust who signed the client certificate',
    door: 'certificate',
    strike: () => restartWith({ clientAuthorities: [broker.stranger] }),
    mend: () => restartWith({ clientAuthorities: right.clientAuthorities }),
    operator: /refused the client certificate: its authority is not trusted there; check --mqtt-cert-file/,
    device: /refused the client certificate: its authority is not trusted there; check broker\.tls\.cert/,
    reason: 'ClientCertificateNotTrusted',
  },
];

async function clientPair(user: string, authority = broker.authority): Promise<Pick<ClientFiles, 'cert' | 'key'>> {
  const { certPem: cert, keyPem: key } = await authority.issueClient(user);
  return { cert, key };
}

async function filesFor(user: keyof typeof PASSWORDS, door: Trouble['door']): Promise<ClientFolder> {
  const own = door === 'password' ? { password: PASSWORDS[user] ?? '' } : await clientPair(user);
  return new ClientFolder(user, { ca: broker.authority.certPem, ...own });
}

const urlOf = (door: Trouble['door']): string => (door === 'password' ? broker.passwordUrl : broker.certificateUrl);
const userFlag = (door: Trouble['door']): string[] => (door === 'password' ? [`--mqtt-username=${OPERATOR}`] : []);

inRealWorld('an operator under way that meets', () => {
  it.each(TROUBLES)(
    '$what says so, loses nothing, and comes back by itself',
    async (trouble) => {
      const { door, strike, mend, operator, reason } = trouble;
      const folder = await filesFor(OPERATOR, door);
      scene = await TlsScene.open(world, urlOf(door), [...userFlag(door), ...folder.flags()]);
      for (const name of ['one', 'two']) await scene.add(name, { url: broker.openUrl });
      await scene.change(1);
      await scene.untilInSync(1);
      await strike(OPERATOR, folder);
      await scene.untilOperatorSays(operator, reason);
      await scene.change(2);
      await mend(OPERATOR, folder);
      await scene.untilInSync(2);
      scene.expectOperatorUnharmed();
    },
    LONG_MS,
  );
});

inRealWorld('a device under way that meets', () => {
  it.each(TROUBLES)(
    '$what says so, disturbs nobody, and comes back by itself',
    async (trouble) => {
      const { door, strike, mend, device } = trouble;
      const folder = await filesFor(DEVICE, door);
      scene = await TlsScene.open(world, broker.openUrl, []);
      await scene.add('neighbour', { url: broker.openUrl });
      const credentials = () => ({ username: DEVICE, ...folder.credentials() });
      await scene.add(DEVICE, { url: urlOf(door), credentials });
      await scene.change(1);
      await scene.untilInSync(1);
      await strike(DEVICE, folder);
      await scene.untilDeviceSays(DEVICE, device);
      await scene.untilOffline(DEVICE);
      await scene.change(2);
      await scene.untilInSync(2, ['neighbour']);
      await mend(DEVICE, folder);
      await scene.untilInSync(2);
      scene.expectOperatorUnharmed();
    },
    LONG_MS,
  );
});

inRealWorld('an authority is replaced by another one', () => {
  /** Each step, and whether it takes effect in sessions that go on or in new ones, changes and reports flow before, during and after. */
  it(
    'old, both, new: on both sides of the connection, and neither operator nor device is ever refused',
    async () => {
      const [operatorFiles, deviceFiles] = [
        await filesFor(OPERATOR, 'certificate'),
        await filesFor(DEVICE, 'certificate'),
      ];
      scene = await TlsScene.open(world, broker.certificateUrl, operatorFiles.flags());
      await scene.add(DEVICE, { url: broker.certificateUrl, credentials: () => deviceFiles.credentials() });
      const { authority: old, stranger: fresh } = broker;
      const server = await fresh.issueServer('broker');
      const both = (files: Partial<ClientFiles>): void =>
        [operatorFiles, deviceFiles].forEach((one) => one.write(files));
      const steps: readonly (() => Promise<void>)[] = [
        async () => {
          both({ ca: bundle([old, fresh]) });
          await broker.write({ clientAuthorities: [old, fresh] });
        },
        () => broker.write({ server }),
        async () => {
          operatorFiles.write(await clientPair(OPERATOR, fresh));
          deviceFiles.write(await clientPair(DEVICE, fresh));
        },
        async () => {
          both({ ca: fresh.certPem });
          await broker.write({ clientAuthorities: [fresh] });
        },
      ];
      let round = 0;
      const flow = async (current: TlsScene): Promise<void> => {
        round += 1;
        await current.change(round);
        await current.untilInSync(round);
      };
      await flow(scene);
      for (const step of steps) {
        await step();
        broker.reload();
        await flow(scene);
        // Everyone connects anew, while a change is on its way.
        await scene.change(round + 1);
        await broker.restart();
        await flow(scene);
      }
      const cuts = /^(Closed|ConnectionCut|ConnectionRefused)$/;
      expect((await scene.operatorFailures()).filter((reason) => !cuts.test(reason))).toEqual([]);
      expect(scene.farewells(DEVICE).filter((reason) => /certificate/.test(reason))).toEqual([]);
      expect(scene.farewells(DEVICE).length).toBeGreaterThanOrEqual(steps.length);
      scene.expectOperatorUnharmed();
    },
    LONG_MS,
  );
});
