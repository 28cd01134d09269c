/**
 * Protobuf bodies as far as kubectl sends them: it creates namespaces, config maps and secrets, and asks for reviews, in no other
 * form. Answers are JSON, which it accepts. Field numbers: generated.proto of k8s.io/api and k8s.io/apimachinery.
 */
import type { Json, JsonObject } from '../crd/index.ts';
import { badRequest, unsupportedMediaType } from '../errors.ts';
import { isObject, textAt } from '../kube-object.ts';

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** How one field becomes JSON; zero values are left out, because Go writes them for fields that nobody has set. */
type Kind = 'string' | 'base64' | 'number' | 'boolean' | 'time' | 'strings' | 'stringMap' | 'base64Map' | Message;
interface Message {
  readonly [fieldNumber: number]: readonly [name: string, kind: Kind];
}

const OBJECT_META: Message = {
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  5: ['uid', 'string'],
  6: ['resourceVersion', 'string'],
  7: ['generation', 'number'],
  8: ['creationTimestamp', 'time'],
  9: ['deletionTimestamp', 'time'],
  11: ['labels', 'stringMap'],
  12: ['annotations', 'stringMap'],
  14: ['finalizers', 'strings'],
};

const MESSAGES: Readonly<Record<string, Message>> = {
  Namespace: { 1: ['metadata', OBJECT_META], 2: ['spec', { 1: ['finalizers', 'strings'] }] },
  ConfigMap: {
    1: ['metadata', OBJECT_META],
    2: ['data', 'stringMap'],
    3: ['binaryData', 'base64Map'],
    4: ['immutable', 'boolean'],
  },
  Secret: {
    1: ['metadata', OBJECT_META],
    2: ['data', 'base64Map'],
    3: ['type', 'string'],
    4: ['stringData', 'stringMap'],
    5: ['immutable', 'boolean'],
  },
  SelfSubjectReview: {},
  SelfSubjectRulesReview: { 2: ['spec', { 1: ['namespace', 'string'] }] },
  SelfSubjectAccessReview: {
    2: [
      'spec',
      {
        1: [
          'resourceAttributes',
          {
            1: ['namespace', 'string'],
            2: ['verb', 'string'],
            3: ['group', 'string'],
            4: ['version', 'string'],
            5: ['resource', 'string'],
            6: ['subresource', 'string'],
            7: ['name', 'string'],
          },
        ],
        2: ['nonResourceAttributes', { 1: ['path', 'string'], 2: ['verb', 'string'] }],
      },
    ],
  },
  DeleteOptions: {
    1: ['gracePeriodSeconds', 'number'],
    2: ['preconditions', { 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] }],
    4: ['propagationPolicy', 'string'],
    5: ['dryRun', 'strings'],
  },
};

/** `k8s\0`, then runtime.Unknown: the type of the object and its bytes. */
const MAGIC = Buffer.from('6b387300', 'hex');
const ENVELOPE: Message = {
  1: ['type', { 1: ['apiVersion', 'string'], 2: ['kind', 'string'] }],
  2: ['raw', 'base64'],
};

/** The object in a body; throws 400 when it is torn and 415 when it is of a type that only JSON is read of. */
export function parseProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC))
    throw badRequest('the body does not begin as Kubernetes protobuf does');
  const envelope = decode(body.subarray(MAGIC.length), ENVELOPE);
  const kind = textAt(envelope, 'type.kind');
  const message = Object.hasOwn(MESSAGES, kind) ? MESSAGES[kind] : undefined;
  if (message === undefined) throw unsupportedMediaType(['application/json', 'application/yaml']);
  const raw = Buffer.from(textAt(envelope, 'raw'), 'base64');
  return { apiVersion: textAt(envelope, 'type.apiVersion'), kind, ...decode(raw, message) };
}

function decode(bytes: Buffer, message: Message): JsonObject {
  const reader = new Reader(bytes);
  const result: JsonObject = {};
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    const value = reader.value(tag & 7);
    const [name, kind] = message[tag >>> 3] ?? [];
    if (name !== undefined && kind !== undefined) assign(result, name, kind, value);
  }
  return result;
}

function assign(result: JsonObject, name: string, kind: Kind, value: Buffer | number): void {
  if (kind === 'strings') {
    const held = result[name];
    result[name] = [...(Array.isArray(held) ? held : []), String(value)];
  } else if ((kind === 'stringMap' || kind === 'base64Map') && Buffer.isBuffer(value)) {
    const entry = decode(value, { 1: ['key', 'string'], 2: ['value', kind === 'stringMap' ? 'string' : 'base64'] });
    const held = result[name];
    const added = Object.fromEntries([[textAt(entry, 'key'), textAt(entry, 'value')]]);
    result[name] = { ...(isObject(held) ? held : {}), ...added };
  } else {
    const json = single(kind, value);
    if (json !== undefined) result[name] = json;
  }
}

function single(kind: Kind, value: Buffer | number): Json | undefined {
  if (typeof value === 'number') return kind === 'boolean' ? value !== 0 : value === 0 ? undefined : value;
  if (kind === 'time') {
    const { seconds } = decode(value, { 1: ['seconds', 'number'] });
    return typeof seconds === 'number' ? `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z` : undefined;
  }
  if (typeof kind === 'object') return decode(value, kind);
  if (value.length === 0) return undefined;
  return kind === 'base64' ? value.toString('base64') : value.toString('utf8');
}

class Reader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length;
  }

  varint(): number {
    let result = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined) throw torn();
      this.#position += 1;
      result += (byte & 127) * shift;
      if (byte < 128) return result;
    }
  }

  /** What a wire type holds: a number, or bytes. */
  value(wireType: number): Buffer | number {
    if (wireType === 0) return this.varint();
    const length = wireType === 2 ? this.varint() : wireType === 1 ? 8 : wireType === 5 ? 4 : undefined;
    if (length === undefined || this.#position + length > this.#bytes.length) throw torn();
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }
}

const torn = () => badRequest('the protobuf body is torn');
