/** The access rules of docs/brokers.md as they stand there, with the brokers that can be run here: no device crosses to another's topics. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { tryTopicCrossings } from '../integration/support/crossings.ts';
import { findBroker } from '../real/binaries.ts';
import { createAuthority } from '../real/certificates.ts';
import { assertListening, freePort } from '../real/ports.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { startSubprocess } from '../real/subprocess.ts';
import { eventually } from '../world/eventually.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/brokers.md'), 'utf8');
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** What a test must change of the page: where files lie, and which ports are free. */
async function startNats(): Promise<string> {
  const conf = /<!-- nats.conf:begin -->\n```\n([^]*?)```/.exec(PAGE)?.[1] ?? '';
  const directory = scratchDirectory('nats-access');
  const port = await freePort();
  mkdirSync(join(directory, 'data'));
  const file = join(directory, 'nats.conf');
  const here = conf
    .replace('"127.0.0.1:4222"', '"127.0.0.1:-1"')
    .replace('"0.0.0.0:1883"', `"127.0.0.1:${port}"`)
    .replace('"/data"', `"${directory}/data"`);
  writeFileSync(file, here);
  const child = await startSubprocess(await findBroker('nats-server', progress), ['-c', file], {
    logFile: join(directory, 'nats.log'),
  });
  cleanups.push(
    () => child.kill(),
    () => Promise.resolve(rmSync(directory, { recursive: true, force: true })),
  );
  await eventually(`NATS listens on ${port}`, () => assertListening(port), { signal: child.gone });
  return `mqtt://127.0.0.1:${port}`;
}

describe('the access rules for NATS', () => {
  it('let no device cross', async () => {
    const url = await startNats();
    const authority = await createAuthority('mir-unused');
    const broker = {
      devicesUrl: url,
      operatorUrl: url,
      authority,
      directory: '',
      pid: 0,
      readLog: () => '',
      close: () => Promise.resolve(),
    };
    const outcomes = await tryTopicCrossings(broker, 4);
    expect(outcomes.filter(({ isCrossed }) => isCrossed)).toEqual([]);
    expect(outcomes.length).toBeGreaterThanOrEqual(20);
  });
});
