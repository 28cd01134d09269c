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

/** Schemas kept loaded; the least recently asked for goes, and is loaded again from its object when it is next asked for. */
const MAX_LOADED = 256;

/** The schemas of the cluster, loaded when first asked for and kept by hash. */
export class SchemaLibrary {
  readonly #lister: Lister<SchemaObject>;
  readonly #held = new Map<string, Found>();

  constructor(lister: Lister<SchemaObject>) {
    this.#lister = lister;
  }

  find(hash: string): Found {
    // What is in an object never changes; whether there is one has to be looked at.
    const isThere = isSchemaHash(hash) && this.#lister.has(schemaName(hash));
    const found = isThere ? (this.#held.get(hash) ?? this.#load(hash)) : MISSING;
    this.#held.delete(hash);
    if (isThere) this.#held.set(hash, found);
    const [oldest] = this.#held.keys();
    if (this.#held.size > MAX_LOADED && oldest !== undefined) this.#held.delete(oldest);
    return found;
  }

  /** The object of this hash came, went or was replaced. True when its content was of no use before. */
  forget(hash: string): boolean {
    const wasBroken = this.#held.get(hash)?.kind === 'broken';
    this.#held.delete(hash);
    return wasBroken;
  }

  #load(hash: string): Found {
    const object = this.#lister.get(schemaName(hash));
    return object === undefined ? MISSING : readSchema(hash, Buffer.from(object.spec.descriptorSet, 'base64'));
  }
}

const MISSING: Found = { kind: 'missing' };

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
