import type { BadInputReason } from '../api/bad-input.ts';
import { isSchemaHash, schemaHash } from '../api/schema.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Lister } from '../cache/lister.ts';
import type { Change, ReflectorHandler } from '../cache/reflector.ts';
import type { Runtime } from '../base/runtime.ts';
import { advanceCopy } from '../twin/advance-copy.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Fleet } from '../twin/fleet.ts';
import { hashSchema } from '../schema/load-schema.ts';
import { DEFAULT_SCHEMA_LIMITS } from '../schema/schema-limits.ts';
import { Announcers } from './announcers.ts';
import { SchemaFetch } from './fetch.ts';
import type { SchemaKeeper } from './keeper.ts';
import { SchemaLibrary } from './library.ts';
import type { TwinObserver } from '../twin/observer.ts';
import { PENDING, UNTYPED } from '../twin/schema-state.ts';
import type { SchemaState } from '../twin/schema-state.ts';
import type { Wake } from '../twin/wake.ts';

export interface SchemasDeps {
  readonly schemas: Lister<SchemaObject>;
  readonly fleet: Fleet;
  readonly broker: { readonly connected: boolean };
  readonly keeper: SchemaKeeper;
  readonly runtime: Runtime;
  readonly wake: Wake;
  readonly observer: TwinObserver;
}

/** A LIST takes a moment; one that takes longer is worth telling on the objects that wait for it. */
const LATE_MS = 10_000;

const UNREADABLE: SchemaState = {
  kind: 'pending',
  problem: {
    reason: 'SchemaPending',
    message:
      'the schemas of the cluster cannot be read: apply crds/schemas.iot.mir.yaml, and grant list and watch on it',
  },
};

/** The schemas of all devices: what each one announced, where that is to be had, and what it makes of the device's messages. */
export class Schemas implements ReflectorHandler<SchemaObject> {
  readonly library: SchemaLibrary;
  readonly #deps: SchemasDeps;
  readonly #devices: Announcers;
  readonly #fetch: SchemaFetch;
  readonly #startedAt: number;

  constructor(deps: SchemasDeps) {
    const { clock } = deps.runtime;
    this.#deps = deps;
    this.#startedAt = clock.monotonic();
    this.library = new SchemaLibrary(deps.schemas);
    this.#devices = new Announcers(deps.fleet, deps.wake);
    const [library, devices] = [this.library, this.#devices];
    const onChanged = (hash: string): void => this.#reconsider(devices.of(hash));
    this.#fetch = new SchemaFetch({ clock, library, keeper: deps.keeper, devices, onChanged });
  }

  schemaStateOf(memory: DeviceMemory): SchemaState {
    const { schemaHash: hash } = memory;
    if (hash === undefined) return UNTYPED;
    if (!this.#deps.schemas.hasSynced) return this.#isLate() ? UNREADABLE : PENDING;
    const found = this.library.find(hash);
    switch (found.kind) {
      case 'loaded':
        return { kind: 'typed', schema: found.schema };
      case 'broken':
        return { kind: 'unusable', hash, reason: found.reason, message: found.message };
      case 'missing':
        return this.#missing(hash);
      default:
        return found satisfies never;
    }
  }

  #isLate(): boolean {
    return this.#deps.runtime.clock.monotonic() - this.#startedAt > LATE_MS;
  }

  #missing(hash: string): SchemaState {
    const status = this.#fetch.status(hash);
    if (status.kind === 'asking') return PENDING;
    const reason = status.kind === 'refused' ? 'SchemaInvalid' : 'SchemaUnavailable';
    return { kind: 'unusable', hash, reason, message: status.message };
  }

  /** Has the schema of a device asked for where no object holds it: to be called when the device may have become able to answer. */
  want(memory: DeviceMemory): void {
    const { schemaHash: hash, deviceId } = memory;
    if (hash === undefined || !this.#deps.schemas.hasSynced || !this.#devices.canAsk(deviceId, hash)) return;
    if (!this.library.isHeld(hash)) this.#fetch.want(hash, deviceId);
  }

  /** What a device says of its schema: a hash, or that it has none. `isNewSession`: it was started again. */
  announce(memory: DeviceMemory, hash: string | undefined, isNewSession: boolean): void {
    if (hash !== undefined && !isSchemaHash(hash)) {
      const message = `schema is ${JSON.stringify(hash.slice(0, 80))}, expected sha256: and 64 hex digits`;
      this.#refuse(memory, 'InvalidSchema', message);
      return;
    }
    if (memory.schemaHash !== hash) {
      memory.noteSchema(hash);
      this.#fetch.leave(memory.deviceId);
      this.#wake(memory);
    }
    this.want(memory);
    if (isNewSession) this.#fetch.restarted(memory.deviceId);
  }

  /** A device sent the schema itself. What nobody asked for is dropped before anything is done with it. */
  receive(memory: DeviceMemory, payload: Buffer): void {
    const asked = this.#fetch.takeAsked(memory.deviceId);
    if (asked === undefined) return this.#refuse(memory, 'UnaskedSchema', UNASKED);
    // The answer to a request that is out of date.
    if (asked !== memory.schemaHash || this.library.isHeld(asked)) return;
    const problem = checkPayload(payload, asked);
    if (problem === undefined) return void this.#take(memory, asked, payload);
    this.#fetch.disappointed(asked);
    this.#refuse(memory, problem.reason, problem.message);
  }

  async #take(memory: DeviceMemory, hash: string, payload: Buffer): Promise<void> {
    const receipt = await this.#fetch.receive(hash, payload, memory.deviceId);
    if (!receipt.ok) this.#refuse(memory, receipt.reason, receipt.message);
  }

  /** Asks for what is missing; to be called every so often. */
  tick(): void {
    if (this.#deps.schemas.hasSynced && this.#deps.broker.connected) this.#fetch.tick();
  }

  /** An object came, went or changed. What is in it never does, so only coming and going is news to devices; a LIST may show both as one. */
  onChange({ key: name, kind, source }: Change<SchemaObject>): void {
    // All that is held is looked at together, when that is complete.
    if (source === 'held') return;
    const wasBroken = this.library.forget(schemaHash(name));
    if (kind !== 'updated' || wasBroken) this.#reconsider(this.#devices.of(schemaHash(name)));
    this.#deps.wake.schema(name);
  }

  /** The first LIST of schemas is complete. */
  onSynced(): void {
    this.#reconsider(this.#devices.all());
    for (const name of this.#deps.schemas.keys()) this.#deps.wake.schema(name);
  }

  #reconsider(memories: Iterable<DeviceMemory>): void {
    for (const memory of memories) {
      this.want(memory);
      this.#wake(memory);
    }
  }

  /** The document may have to be another one, and what was judged is to be judged again. */
  #wake(memory: DeviceMemory): void {
    advanceCopy(memory, { kind: 'desiredChanged' }, this.#deps.wake);
    this.#deps.wake.desired(memory.deviceId);
    this.#deps.wake.status(memory, 'online');
  }

  #refuse(memory: DeviceMemory, reason: BadInputReason, message: string): void {
    this.#deps.observer.refused(reason, `schema of ${memory.deviceId}: ${message}`, memory);
  }
}

const UNASKED = 'nobody asked for it: name its hash in the birth, and send it on get schema';

/** Why the payload is not the schema of this hash, as far as its bytes tell. */
function checkPayload(
  payload: Buffer,
  hash: string,
): { readonly reason: BadInputReason; readonly message: string } | undefined {
  if (payload.length === 0)
    return { reason: 'EmptyPayload', message: 'payload is empty, expected a FileDescriptorSet' };
  const { maxBytes } = DEFAULT_SCHEMA_LIMITS;
  if (payload.length > maxBytes) {
    return { reason: 'TooLarge', message: `the schema has ${payload.length} bytes, the limit is ${maxBytes}` };
  }
  const actual = hashSchema(payload);
  if (actual === hash) return undefined;
  return { reason: 'SchemaMismatch', message: `its hash is ${actual}, the device announced ${hash}` };
}
