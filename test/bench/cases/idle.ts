/** What it costs to know many twins: while nothing happens, and while all of them send heartbeats. */
import type { Figure } from '../figures.ts';
import { cpuSeconds, residentMb } from '../process-usage.ts';
import { SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';

const bench = 'idle';

/** `devices` that are online and silent for `seconds`, and then 20,000 heartbeats a second of theirs. */
export async function benchIdle(rig: Rig, devices: number, seconds: number): Promise<Figure[]> {
  rig.progress(`creating ${devices} devices`);
  await rig.createDevices(SERVED, 0, devices, {});
  const operator = await rig.startOperator();
  await rig.load({ kind: 'birth', devices, messages: devices, perSecond: 0 });
  await untilIdle(operator, devices);
  rig.progress('nothing happens');
  await pause(COLLECT_MS);
  const idle = await shareOf(operator.pid, () => pause(seconds * 1000));
  rig.progress('heartbeats');
  const beating = await shareOf(operator.pid, () =>
    rig.load({ kind: 'heartbeat', devices, messages: 20_000 * seconds, perSecond: 20_000 }),
  );
  const rss = residentMb(operator.pid);
  return [
    {
      bench,
      what: `operator's CPU, ${devices} twins online, nothing happens`,
      value: idle * 100,
      unit: '% of a core',
      target: { kind: 'at-most', limit: 0.5 },
      note: `${seconds} s, half a minute after the last work, between two comparisons with the broker, which come every ten minutes`,
    },
    {
      bench,
      what: `operator's CPU, 20,000 heartbeats/s over ${devices} twins`,
      value: beating * 100,
      unit: '% of a core',
      target: { kind: 'at-most', limit: 15 },
      note: `RSS ${rss.now.toFixed(0)} MB (peak ${rss.peak.toFixed(0)})`,
    },
  ];
}

/** V8 collects what the start left behind some seconds after it, in the first ten of which that is 2 % of a core. */
export const COLLECT_MS = 30_000;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** CPU seconds a second of `work`. */
export async function shareOf(pid: number, work: () => Promise<unknown>): Promise<number> {
  const [startedAt, before] = [performance.now(), cpuSeconds(pid)];
  await work();
  return (cpuSeconds(pid) - before) / ((performance.now() - startedAt) / 1000);
}
