/** A fleet that reports for the first time, much faster than the API server takes writes. */
import { startCosts } from '../costs.ts';
import type { Figure } from '../figures.ts';
import { REPORTED_MESSAGE } from '../load-order.ts';
import { RAW, SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';
import { lastWriteAt, statusWrites } from './bulk.ts';
import { rawPatchRate } from './storm.ts';

const RAW_DEVICES = 1000;
const RAW_MS = 8000;

/** One report from each of `devices`, 5,000 a second; the devices are online before. */
export async function benchFirstReports(rig: Rig, devices: number): Promise<Figure[]> {
  const bench = 'first-reports';
  rig.progress(`creating ${devices} devices`);
  await rig.createDevices(SERVED, 0, devices, {});
  await rig.createDevices(RAW, 0, RAW_DEVICES, {});
  // Their births are stored already, so that each is written once before it reports.
  await rig.load({ kind: 'birth', devices, messages: devices, perSecond: 0 });
  const operator = await rig.startOperator();
  await untilIdle(operator, devices);
  await rig.mirrorStatus(RAW_DEVICES);
  rig.progress('reporting');
  const floorBefore = await rawPatchRate(rig, RAW_MS);
  const writesBefore = await statusWrites(operator);
  const readCosts = startCosts(rig, operator);
  const beganAt = performance.now();
  await rig.load({ kind: 'report', devices, messages: devices, perSecond: 5000 });
  const seconds = ((await lastWriteAt(operator)) - beganAt) / 1000;
  const costs = readCosts();
  const writes = (await statusWrites(operator)) - writesBefore;
  const floorAfter = await rawPatchRate(rig, RAW_MS);
  const reported = (await rig.listDevices(SERVED)).filter(({ status }) => status?.reported?.[REPORTED_MESSAGE]);
  return [
    {
      bench,
      what: 'status writes a device',
      value: writes / devices,
      unit: '',
      floor: { value: 1, what: 'one says all' },
      target: { kind: 'at-most', limit: 1.02 },
      note: `${devices} devices at 5,000/s; all written after ${seconds.toFixed(1)} s`,
    },
    {
      bench,
      what: 'status writes a second',
      value: writes / seconds,
      unit: '/s',
      floor: { value: (floorBefore + floorAfter) / 2, what: 'raw status PATCH, 4 in flight' },
      target: { kind: 'share-of-floor', atLeast: 0.9 },
      note: `floor ${Math.round(floorBefore)} before, ${Math.round(floorAfter)} after; ${costs}`,
    },
    {
      bench,
      what: 'devices whose report is missing',
      value: devices - reported.length,
      unit: '',
      target: { kind: 'at-most', limit: 0 },
    },
  ];
}
