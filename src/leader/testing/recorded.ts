/** Devices that people change, in a term that keeps five changes of each, and what is recorded of them. */
import { startTerm } from '../../../test/fakes/term-bed.ts';
import type { TermBed } from '../../../test/fakes/term-bed.ts';
import { RATE, device, rate } from '../../../test/gen/device.ts';
import type { DeviceParts } from '../../../test/gen/device.ts';
import { authorStamp } from '../../api/author.ts';
import type { RecordedChange } from '../../api/history.ts';
import type { Config } from '../../config/load.ts';

export const KEY = 'default/sensor';
export const NOON = '2026-01-01T12:00:00Z';
export const ON: Partial<Config> = { historyLimit: 5 };

export const started = (devices: readonly DeviceParts[] = [], config: Partial<Config> = {}): Promise<TermBed> =>
  startTerm(devices.map(device), { ...ON, ...config });

export const changesOf = (bed: TermBed, key = KEY): readonly RecordedChange[] => bed.history(key)?.changes ?? [];

/** `revision author: seconds → seconds (outcome)` of every change, the newest first. */
export const linesOf = (bed: TermBed, key = KEY): string[] =>
  changesOf(bed, key).map(({ revision, author, messages, outcome }) => {
    const { before, after } = messages?.[RATE] ?? {};
    const seconds = (value: unknown): string =>
      String((value as { intervalSeconds?: number } | undefined)?.intervalSeconds ?? '-');
    return `${revision} ${author}: ${seconds(before)} → ${seconds(after)} (${outcome.state})`;
  });

/** The device as `user` has left it, who wants it to sample every so many seconds. */
export const by = (user: string, generation: number, seconds: number, parts: DeviceParts = {}): DeviceParts => ({
  desired: rate(seconds),
  annotations: authorStamp(user, String(generation)),
  manager: ['kubectl-edit', NOON],
  ...parts,
});

/** The device takes what stands at the broker. */
export function take(bed: TermBed, status: 'applied' | 'rejected' = 'applied', reason?: string): void {
  const document = bed.document();
  const entry = document?.messages[RATE];
  if (document === undefined || entry === undefined) throw new Error('nothing stands at the broker');
  const { revision, value } = entry;
  const said = reason === undefined ? { value } : { reason };
  bed.reports(RATE, { uid: document.owner.uid, revision, status, ...said });
}
