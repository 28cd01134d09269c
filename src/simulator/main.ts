import { mkdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../base/message-of.ts';
import { startFleet } from './fleet.ts';
import type { Fleet } from './fleet.ts';
import { manifestsOf } from './manifests.ts';
import { USAGE, readOptions } from './options.ts';
import type { SimulatorOptions } from './options.ts';
import { readSchemas } from './profile/schemas.ts';
import { progressLine, takeSnapshot } from './progress.ts';
import type { Snapshot } from './progress.ts';
import { describeEvent } from './simulated-device.ts';
import { summaryOf } from './summary.ts';

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === undefined) console.log(USAGE);
  else if (options.output === 'manifests') await printManifests(options);
  else await simulate(options);
}

async function printManifests({ fleet: { profile, seed }, namespace }: SimulatorOptions): Promise<void> {
  await pipeline(Readable.from(manifestsOf(profile, namespace, seed)), process.stdout, { end: false });
}

async function simulate(options: SimulatorOptions): Promise<void> {
  const { fleet: fleetOptions, output } = options;
  const { dataDir } = fleetOptions.devices;
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true });
  const schemas = await readSchemas(fleetOptions.profile, options.profilePath);
  const stop = stopSignal(options);
  const fleet = startFleet({
    ...fleetOptions,
    schemas,
    ...(output === 'events' && { onEvent: (id, event) => console.log(describeEvent(id, event)) }),
  });
  const endProgress = showProgress(fleet, output);
  try {
    await Promise.race([stop, fleet.started.then(() => stop)]);
  } catch (error) {
    fleet.kill();
    endProgress();
    throw error;
  }
  const left = await fleet.stop();
  endProgress();
  if (left > 0) console.error(`${left} devices were cut off, because their goodbyes took too long`);
}

/** A second signal ends the process at once, as nobody listens to it any more. */
function stopSignal({ durationMs }: SimulatorOptions): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, finish);
      resolve();
    };
    const timer = durationMs === undefined ? undefined : setTimeout(finish, durationMs);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, finish);
  });
}

/** On a terminal one line is written over and over; elsewhere a line every few seconds. */
function showProgress(fleet: Fleet, output: SimulatorOptions['output']): () => void {
  if (output !== 'progress' && output !== 'json') return () => {};
  const isLive = output === 'progress' && process.stdout.isTTY;
  let before: Snapshot | undefined;
  const show = (): void => {
    before = takeSnapshot(fleet, before);
    if (output === 'json') console.log(JSON.stringify(before));
    else process.stdout.write(isLive ? `\r\u001b[K${progressLine(before)}` : `${progressLine(before)}\n`);
  };
  const timer = setInterval(show, isLive || output === 'json' ? 1000 : 5000);
  return () => {
    clearInterval(timer);
    show();
    if (output === 'progress') process.stdout.write(`${isLive ? '\n' : ''}${summaryOf(fleet)}\n`);
  };
}

// Whoever read this has read enough (`| head`), or is gone.
process.stdout.on('error', () => process.exit(0));
try {
  await main();
} catch (error) {
  console.error(`${messageOf(error)}\nSee --help.`);
  process.exit(2);
}
