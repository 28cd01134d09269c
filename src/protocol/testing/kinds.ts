import type { ParsedTopic } from '../topics.ts';

type PlainKind = Exclude<ParsedTopic['kind'], 'reported'>;

const ALL: Readonly<Record<PlainKind, true>> = { desired: true, get: true, state: true, heartbeat: true, schema: true };

/** Every kind of topic that has nothing but the device's id in it; the compiler misses one that is not here. */
export const PLAIN_KINDS = Object.keys(ALL) as readonly PlainKind[];
