import { API_VERSION } from '../api/device.ts';
import type { BadInputReason } from '../api/reasons.ts';
import { SCHEMAS_PATH, SCHEMA_KIND, STORED_BY_LABEL, schemaName } from '../api/schema.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Lister } from '../cache/lister.ts';
import type { Clock } from '../clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import { TokenBucket } from '../kube/token-bucket.ts';
import type { Logger } from '../log.ts';
import { hashSchema, loadSchema } from '../schema/load-schema.ts';
import { DEFAULT_SCHEMA_LIMITS } from '../schema/schema-limits.ts';

export interface SchemaFetchDeps {
  readonly lister: Lister<SchemaObject>;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Objects in the cluster beyond which no more are stored. */
  readonly maxSchemas: number;
  /** Asks a device for its schema. */
  readonly ask: (deviceId: string) => void;
  /** Whether the device is there to be asked, and still announces the hash. */
  readonly canAsk: (deviceId: string, hash: string) => boolean;
  /** What `status` says of a hash has changed. */
  readonly onSettled: (hash: string) => void;
}

/** Milliseconds a device has to send its schema before another one is asked. */
const ANSWER_MS = 10_000;
/** After so many requests without an answer the devices of the schema go on without it. */
const PATIENCE = 3;
/** After that it is asked for so much less often. */
const RETRY_MS = 300_000;
/** Devices remembered as ones that could send a schema. */
const MAX_CANDIDATES = 16;
/** Hashes that are looked for at once; what is over waits until a device announces itself anew. */
const MAX_WANTED = 10_000;
/** New schemas stored in a minute: a firmware is not released that often, and a device that makes up schemas must not fill the cluster. */
const STORED_PER_MINUTE = 60;

interface Wanted {
  readonly candidates: Set<string>;
  asked: number;
  dueAt: number;
  /** The bytes came and are of no use. */
  refusal: string | undefined;
}

/** Where a schema that no object holds stands: on its way, or not to be had for now. */
export type FetchStatus =
  | { readonly kind: 'asking' }
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string };

export type Receipt =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: BadInputReason; readonly message: string };

/**
 * Gets the schemas that devices announce and no object holds: asks one device a hash, one after the other, checks what comes and
 * stores it as an object; ten thousand devices of one firmware are asked once.
 */
export class SchemaFetch {
  readonly #deps: SchemaFetchDeps;
  readonly #signal: AbortSignal;
  readonly #bucket: TokenBucket;
  readonly #wanted = new Map<string, Wanted>();
  readonly #storing = new Set<string>();

  constructor(deps: SchemaFetchDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#bucket = new TokenBucket(STORED_PER_MINUTE, STORED_PER_MINUTE / 60, deps.clock.monotonic());
  }

  /** A device announced `hash`, and no object holds it. */
  want(hash: string, deviceId: string): void {
    const { candidates } = this.#wantedOf(hash);
    if (candidates.size < MAX_CANDIDATES) candidates.add(deviceId);
  }

  #wantedOf(hash: string): Wanted {
    const known = this.#wanted.get(hash);
    if (known !== undefined) return known;
    const dueAt = this.#deps.clock.monotonic();
    const wanted = { candidates: new Set<string>(), asked: 0, dueAt, refusal: undefined };
    if (this.#wanted.size < MAX_WANTED) this.#wanted.set(hash, wanted);
    return wanted;
  }

  status(hash: string): FetchStatus {
    const wanted = this.#wanted.get(hash);
    if (wanted === undefined)
      return { kind: 'unavailable', message: 'no object holds it, and no device could be asked yet' };
    if (wanted.refusal !== undefined) return { kind: 'refused', message: wanted.refusal };
    if (this.#storing.has(hash)) return { kind: 'asking' };
    const isThere = this.#nextCandidate(hash, wanted) !== undefined;
    if (wanted.asked <= PATIENCE && isThere) return { kind: 'asking' };
    const message = isThere
      ? `no device answers the request for it; register it with kubectl, as ${schemaName(hash)}`
      : 'no object holds it, and no device that has it is online';
    return { kind: 'unavailable', message };
  }

  /** Asks whom it is time to ask; to be called every so often. */
  turn(): void {
    const now = this.#deps.clock.monotonic();
    for (const [hash, wanted] of this.#wanted) {
      if (now < wanted.dueAt || this.#storing.has(hash)) continue;
      if (this.#deps.lister.has(schemaName(hash))) this.#wanted.delete(hash);
      else if (wanted.refusal === undefined) this.#askNext(hash, wanted, now);
    }
  }

  #askNext(hash: string, wanted: Wanted, now: number): void {
    const deviceId = this.#nextCandidate(hash, wanted);
    // In turns, so that one that never answers does not keep the others from doing so.
    if (deviceId !== undefined) {
      wanted.candidates.delete(deviceId);
      wanted.candidates.add(deviceId);
      this.#deps.ask(deviceId);
      wanted.asked += 1;
    }
    wanted.dueAt = now + (deviceId === undefined || wanted.asked <= PATIENCE ? ANSWER_MS : RETRY_MS);
    if (deviceId === undefined || wanted.asked > PATIENCE) this.#deps.onSettled(hash);
    if (deviceId === undefined) this.#wanted.delete(hash);
  }

  #nextCandidate(hash: string, { candidates }: Wanted): string | undefined {
    for (const deviceId of candidates) if (this.#deps.canAsk(deviceId, hash)) return deviceId;
    return undefined;
  }

  /** A device sent `bytes`. Resolves when they are stored, were known already, or are of no use. Never rejects. */
  async receive(hash: string, bytes: Buffer): Promise<Receipt> {
    const { lister } = this.#deps;
    if (lister.has(schemaName(hash)) || this.#storing.has(hash)) return { ok: true };
    this.#storing.add(hash);
    try {
      const refused = this.#check(hash, bytes);
      return refused ?? (await this.#store(hash, bytes));
    } finally {
      this.#storing.delete(hash);
    }
  }

  #check(hash: string, bytes: Buffer): Receipt | undefined {
    const loaded = loadSchema(bytes);
    if (loaded.ok) return undefined;
    const message = `${loaded.reason}: ${loaded.message}`;
    // It may have come with the birth, before anyone wanted it: the same bytes need not be asked for again.
    this.#wantedOf(hash).refusal = message;
    this.#deps.onSettled(hash);
    return { ok: false, reason: 'InvalidSchema', message };
  }

  async #store(hash: string, bytes: Buffer): Promise<Receipt> {
    const { lister, client, clock, log, maxSchemas } = this.#deps;
    if (lister.size >= maxSchemas || !this.#bucket.take(clock.monotonic())) {
      const message = `not stored: ${lister.size} schemas are there already, the limit is ${maxSchemas} (--max-schemas), at most ${STORED_PER_MINUTE} new ones a minute`;
      return { ok: false, reason: 'TooManySchemas', message };
    }
    const name = schemaName(hash);
    const body = {
      apiVersion: API_VERSION,
      kind: SCHEMA_KIND,
      metadata: { name, labels: { [STORED_BY_LABEL]: 'mir-operator' } },
      spec: { descriptorSet: bytes.toString('base64') },
    };
    try {
      await client.create(SCHEMAS_PATH, body, { fieldManager: 'mir-operator' }, this.#signal);
      log.info({ schema: name, bytes: bytes.length }, 'stored the schema of a device');
    } catch (error) {
      // Somebody else was faster; or it is tried again when the next device answers.
      if (!(error instanceof ApiError && error.status === 409) && !this.#signal.aborted)
        log.warn(
          { err: error, schema: name },
          'could not store the schema of a device; grant create on schemas.iot.mir',
        );
    }
    return { ok: true };
  }
}

/** The hash that a payload says it is, or why it cannot be a schema. */
export function identifySchema(
  payload: Buffer,
): { readonly hash: string } | { readonly reason: BadInputReason; readonly message: string } {
  if (payload.length === 0)
    return { reason: 'EmptyPayload', message: 'payload is empty, expected a FileDescriptorSet' };
  const { maxBytes } = DEFAULT_SCHEMA_LIMITS;
  if (payload.length <= maxBytes) return { hash: hashSchema(payload) };
  return { reason: 'TooLarge', message: `the schema has ${payload.length} bytes, the limit is ${maxBytes}` };
}
