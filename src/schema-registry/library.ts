import { Buffer } from 'node:buffer';
import { isSchemaHash, schemaName } from '../api/schema.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Lister } from '../cache/lister.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import { hashSchema, loadSchema } from '../schema/load-schema.ts';

/** Where the schema of a hash stands. */
export type Found =
  | { readonly kind: 'loaded'; readonly schema: DeviceSchema }
  /** The cluster has no object of this hash. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'broken'; readonly reason: 'HashMismatch' | 'SchemaInvalid'; readonly message: string };

/**
 * Schemas kept loaded, however large, and bytes of descriptor sets up to which more are: a fleet that uses one more than are kept would
 * load each again at every look. The least recently asked for goes, and is loaded again from its object when it is next asked for.
 */
const ALWAYS_LOADED = 256;
const MAX_LOADED_BYTES = 16 * 1024 * 1024;

/** The schemas of the cluster, loaded when first asked for and kept by hash. */
export class SchemaLibrary {
  readonly #lister: Lister<SchemaObject>;
  readonly #held = new Map<string, Loaded>();
  #heldBytes = 0;

  constructor(lister: Lister<SchemaObject>) {
    this.#lister = lister;
  }

  find(hash: string): Found {
    // What is in an object never changes; whether there is one has to be looked at.
    const isThere = isSchemaHash(hash) && this.#lister.has(schemaName(hash));
    const loaded = isThere ? (this.#held.get(hash) ?? this.#load(hash)) : NOTHING;
    this.#drop(hash);
    if (isThere) this.#keep(hash, loaded);
    return loaded.found;
  }

  /** An object under the right name with another content holds nothing that anybody can use. */
  isHeld(hash: string): boolean {
    const found = this.find(hash);
    return found.kind === 'loaded' || (found.kind === 'broken' && found.reason !== 'HashMismatch');
  }

  #keep(hash: string, loaded: Loaded): void {
    this.#held.set(hash, loaded);
    this.#heldBytes += loaded.bytes;
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= ALWAYS_LOADED || this.#heldBytes <= MAX_LOADED_BYTES) return;
      this.#drop(oldest);
    }
  }

  #drop(hash: string): void {
    this.#heldBytes -= this.#held.get(hash)?.bytes ?? 0;
    this.#held.delete(hash);
  }

  /** The object of this hash came, went or was replaced. True when its content was of no use before. */
  forget(hash: string): boolean {
    const wasBroken = this.#held.get(hash)?.found.kind === 'broken';
    this.#drop(hash);
    return wasBroken;
  }

  #load(hash: string): Loaded {
    const object = this.#lister.get(schemaName(hash));
    if (object === undefined) return NOTHING;
    const bytes = Buffer.from(object.spec.descriptorSet, 'base64');
    return { found: readSchema(hash, bytes), bytes: bytes.length };
  }
}

interface Loaded {
  readonly found: Found;
  /** Of the descriptor set. */
  readonly bytes: number;
}

const NOTHING: Loaded = { found: { kind: 'missing' }, bytes: 0 };

/** Reads `bytes` as the schema that `hash` names. */
function readSchema(hash: string, bytes: Buffer): Found {
  const actual = hashSchema(bytes);
  if (actual !== hash) {
    const message = `the object ${schemaName(hash)} holds another schema, of the hash ${actual}; store that as ${schemaName(actual)}`;
    return { kind: 'broken', reason: 'HashMismatch', message };
  }
  const loaded = loadSchema(bytes);
  if (loaded.ok) return { kind: 'loaded', schema: loaded.schema };
  return { kind: 'broken', reason: 'SchemaInvalid', message: `${loaded.reason}: ${loaded.message}` };
}
