import { Buffer } from 'node:buffer';
import type { BehaviourKind } from './behaviours/kinds.ts';
import type { DeviceCodec } from '../sdk/codec.ts';
import type { DeviceEvent } from '../sdk/index.ts';

/** What happened in one group since the start; every number only grows. */
export interface Tally {
  /** Births. */
  connects: number;
  /** Desired documents that came in, and their bytes. */
  documents: number;
  bytesIn: number;
  /** Reports that went out, and their bytes. */
  reports: number;
  bytesOut: number;
  /** New desired values, and what became of them. */
  desired: number;
  applied: number;
  rejected: number;
  /** How often each kind of behaviour did something. */
  readonly acts: Map<BehaviourKind, number>;
  /** Why connections ended and what failed, and how often; the first `MAX_PROBLEMS` kinds are kept. */
  readonly problems: Map<string, number>;
}

const MAX_PROBLEMS = 50;

export function newTally(): Tally {
  return {
    connects: 0,
    documents: 0,
    bytesIn: 0,
    reports: 0,
    bytesOut: 0,
    desired: 0,
    applied: 0,
    rejected: 0,
    acts: new Map(),
    problems: new Map(),
  };
}

export function countAct({ acts }: Tally, kind: BehaviourKind): void {
  acts.set(kind, (acts.get(kind) ?? 0) + 1);
}

/** Counts what crosses a codec. */
export function countingCodec(inner: DeviceCodec, tally: Tally): DeviceCodec {
  return {
    ...inner,
    parseDesired(payload, limits) {
      tally.documents += 1;
      tally.bytesIn += payload.length;
      return inner.parseDesired(payload, limits);
    },
    encodeReported(message, envelope) {
      const encoded = inner.encodeReported(message, envelope);
      tally.reports += 1;
      tally.bytesOut += Buffer.byteLength(encoded);
      return encoded;
    },
  };
}

/** Counts an event of a device; `pending` holds the messages that it has taken and not decided. */
export function countEvent(tally: Tally, pending: Set<string>, event: DeviceEvent): void {
  switch (event.kind) {
    case 'online':
      tally.connects += 1;
      return;
    case 'desired':
      tally.desired += 1;
      pending.add(event.message);
      return;
    case 'dropped':
      pending.delete(event.message);
      return;
    case 'decided':
      // A start gives stored values to their handlers again: decided once more, but not anew.
      if (pending.delete(event.message)) tally[event.status === 'rejected' ? 'rejected' : 'applied'] += 1;
      return;
    case 'offline':
      return countProblem(tally, event.reason);
    case 'failed':
      return countProblem(tally, `${event.what} failed: ${event.reason}`);
    case 'duplicate':
      return countProblem(tally, 'another process says it is this device');
    default:
      return event satisfies never;
  }
}

export function countProblem({ problems }: Tally, problem: string): void {
  const before = problems.get(problem);
  if (before !== undefined || problems.size < MAX_PROBLEMS) problems.set(problem, (before ?? 0) + 1);
}
