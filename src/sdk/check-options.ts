import { messageOf } from '../base/message-of.ts';
import { DEVICE_ID } from '../api/device.ts';
import { brokerAddress } from '../base/broker-url.ts';
import { DEFAULT_MAX_REPORTS } from '../protocol/state-envelope.ts';
import { createTopics, isMessageName } from '../protocol/topics.ts';
import type { DeviceOptions } from './options.ts';

/** Throws a TypeError that names the option, and what to give. For programs that no compiler checked, and for values out of range. */
export function checkOptions(options: unknown): asserts options is DeviceOptions {
  checkGroup('', OPTIONS, options);
}

type Rule = (path: string, value: unknown) => void;

interface Group {
  readonly required: readonly string[];
  readonly members: Readonly<Record<string, Rule | Group>>;
}

const must =
  (isRight: (value: unknown) => boolean, what: string): Rule =>
  (path, value) => {
    if (!isRight(value)) throw new TypeError(`${path} must be ${what}, not ${shown(value)}`);
  };
/** Not shown: it may be a secret. */
const text: Rule = (path, value) => {
  if (typeof value !== 'string') throw new TypeError(`${path} must be a text, not ${typeof value}`);
};
const pem: Rule = (path, value) => {
  if (typeof value !== 'string' && !(value instanceof Uint8Array))
    throw new TypeError(`${path} must be PEM, as a text or bytes (read the file first), not ${typeof value}`);
};
/** What `read` throws says what is wrong. */
const readable =
  (read: (text: string) => unknown): Rule =>
  (path, value) => {
    try {
      read(typeof value === 'string' ? value : '');
    } catch (error) {
      throw new TypeError(`${path}: ${messageOf(error)}`, { cause: error });
    }
  };
const number = (least: number, most: number): Rule =>
  must((value) => typeof value === 'number' && value >= least && value <= most, `a number from ${least} to ${most}`);
const wholeNumber = (least: number, most: number): Rule =>
  must(
    (value) => typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most,
    `a whole number from ${least} to ${most}`,
  );
const oneOf = (...values: readonly unknown[]): Rule =>
  must((value) => values.includes(value), values.map((value) => JSON.stringify(value)).join(' or '));
const anyFunction = must((value) => typeof value === 'function', 'a function');
const messageNames = must(
  (value) => Array.isArray(value) && value.length <= DEFAULT_MAX_REPORTS && value.every((name) => isMessageName(name)),
  `a list of at most ${DEFAULT_MAX_REPORTS} message names as sensor.v1.SampleRate`,
);

const DAY_MS = 24 * 3600 * 1000;

const OPTIONS: Group = {
  required: ['deviceId', 'broker'],
  members: {
    deviceId: must(
      (value) => typeof value === 'string' && DEVICE_ID.test(value),
      'a level of a topic: letters, digits, - _ and : (128 at most)',
    ),
    broker: {
      required: ['url'],
      members: {
        url: readable(brokerAddress),
        username: text,
        password: text,
        tls: { required: [], members: { ca: pem, cert: pem, key: pem } },
        credentials: anyFunction,
        clientId: text,
        protocolVersion: oneOf(4, 5),
        keepaliveSeconds: wholeNumber(0, 65_535),
        prefix: readable(createTopics),
        reconnect: {
          required: [],
          members: { baseMs: number(0, DAY_MS), maxMs: number(0, DAY_MS), reportSpreadMs: number(0, DAY_MS) },
        },
      },
    },
    store: must(
      (value) =>
        typeof value === 'string' || (isObject(value) && ['load', 'write', 'close'].every((name) => name in value)),
      'the path of a file, or a store with load, write and close',
    ),
    messages: checkParsers,
    schema: {
      required: ['descriptorSet'],
      members: {
        descriptorSet: must((value) => value instanceof Uint8Array, 'bytes, as compileProtoFiles or protoc makes them'),
        encoding: oneOf('json', 'protobuf'),
      },
    },
    announce: {
      required: [],
      members: {
        heartbeatSeconds: number(0, DAY_MS / 1000),
        maxBytes: wholeNumber(1, 2 ** 31 - 1),
        reports: messageNames,
      },
    },
    onEvent: anyFunction,
  },
};

function checkGroup(path: string, { required, members }: Group, value: unknown): void {
  const within = (name: string): string => (path === '' ? name : `${path}.${name}`);
  if (!isObject(value))
    throw new TypeError(`${path || 'the options'} must be an object with ${required.join(' and ') || 'options'}`);
  for (const name of required)
    if (value[name] === undefined) throw new TypeError(`${within(name)} is missing; give it`);
  for (const [name, given] of Object.entries(value)) {
    const rule = Object.hasOwn(members, name) ? members[name] : undefined;
    if (rule === undefined)
      throw new TypeError(`${within(name)} is no option of a device; ${remedyFor(name, path, members)}`);
    if (given === undefined) continue;
    if (typeof rule === 'function') rule(within(name), given);
    else checkGroup(within(name), rule, given);
  }
}

/** Where an option of that name is, or which ones there are here. */
function remedyFor(name: string, path: string, members: Group['members']): string {
  const elsewhere = pathsOf(OPTIONS).find((known) => known.split('.').at(-1) === name);
  if (elsewhere !== undefined) return `use ${elsewhere}`;
  return `${path === '' ? 'there are' : `${path} has`} ${Object.keys(members).join(', ')}`;
}

function pathsOf({ members }: Group, path = ''): readonly string[] {
  return Object.entries(members).flatMap(([name, rule]) =>
    typeof rule === 'function' ? [path + name] : [path + name, ...pathsOf(rule, `${path}${name}.`)],
  );
}

function checkParsers(path: string, parsers: unknown): void {
  if (!isObject(parsers)) throw new TypeError(`${path} must be an object: message name → parser`);
  for (const [name, parser] of Object.entries(parsers)) {
    if (!isMessageName(name))
      throw new TypeError(`${path}: ${JSON.stringify(name)} is not a message name; use one as in sensor.v1.SampleRate`);
    const standard =
      (typeof parser === 'object' || typeof parser === 'function') && parser !== null
        ? Reflect.get(parser, '~standard')
        : undefined;
    if (!isObject(standard) || typeof standard['validate'] !== 'function')
      throw new TypeError(
        `${path}: the parser of ${name} must be a Standard Schema, as zod, valibot and arktype make them`,
      );
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const shown = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? JSON.stringify(value)
    : typeof value;
