import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { z } from 'zod';
import { messageOf } from '../../base/message-of.ts';
import { DEVICE_ID } from '../../api/device.ts';
import { KINDS, behaviourSchema } from '../behaviours/kinds.ts';
import { messageName } from './message-name.ts';
import { duration } from './span.ts';
import { valueTemplate } from './value.ts';

const name = z
  .string({ error: 'write a name of letters, digits, - and _' })
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'write a name of letters, digits, - and _');

const path = z.string({ error: 'write a path, or a list of paths' }).min(1);

const MAX_COUNT = 1_000_000;

const groupSchema = z
  .strictObject({
    name,
    /** Devices; with `--devices` the groups share that number in these proportions. */
    count: z.int({ error: 'write a whole number of devices' }).min(1, 'write at least 1').max(MAX_COUNT).default(1),
    /** Device ids; `{n}` is the device's number in the group, from 1. */
    id: z.string({ error: 'write an id such as sensor-{n}' }).optional(),
    /** 0s: none. */
    heartbeat: duration.default(10_000),
    keepalive: duration.default(30_000),
    /** `.proto` files, or one descriptor set; paths from the profile's folder. Absent: messages are plain JSON. */
    schema: z.union([path.transform((one) => [one]), z.array(path).min(1)]).optional(),
    /** Where the `.proto` files find their imports; the folders of the files themselves come last. */
    includes: z.array(path).default([]),
    encoding: z.enum(['json', 'protobuf'], { error: 'write json or protobuf' }).default('json'),
    /** Largest document that it announces to take. */
    maxBytes: z.int().min(1).optional(),
    /** What `--manifests` gives each of its twins. */
    desired: z.record(messageName, valueTemplate).default({}),
    labels: z.record(z.string(), z.string()).default({}),
    behaviours: z.array(behaviourSchema, { error: 'write a list of behaviours' }).default([]),
  })
  .transform((group) => ({ ...group, id: group.id ?? `${group.name}-{n}` }))
  .superRefine((group, context) => {
    const problem = problemWithIds(group);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['id'], message: problem });
    if (group.encoding === 'protobuf' && group.schema === undefined) {
      context.addIssue({ code: 'custom', path: ['encoding'], message: 'protobuf needs a schema; add one' });
    }
  });

const profileSchema = z.strictObject({
  groups: z.array(groupSchema, { error: 'write a list of groups' }).min(1, 'write at least one group'),
});

export type Group = z.infer<typeof groupSchema>;
export type Profile = z.infer<typeof profileSchema>;

function problemWithIds({ id, count }: { readonly id: string; readonly count: number }): string | undefined {
  if (count > 1 && !id.includes('{n}')) return `${count} devices cannot share the id ${id}; put {n} into it`;
  if (DEVICE_ID.test(deviceId(id, count))) return undefined;
  return `${deviceId(id, count)} is no device id; use letters, digits, _, - and :, at most 128`;
}

export const deviceId = (pattern: string, n: number): string => pattern.replaceAll('{n}', String(n));

/** Reads a profile; throws an Error with a line for every mistake: the file, the path in it and the remedy. */
export function readProfile(path: string): Profile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`--profile ${path} cannot be read (${messageOf(error)}); give the path of a YAML file`, {
      cause: error,
    });
  }
  return parseProfile(text, path);
}

/** `origin` is how errors call the text. */
export function parseProfile(text: string, origin: string): Profile {
  let content: unknown;
  try {
    content = load(text, { filename: origin });
  } catch (error) {
    throw new Error(`${origin} is not YAML: ${messageOf(error).split('\n')[0]}; mend that line`, { cause: error });
  }
  const parsed = profileSchema.safeParse(content, { error: describeIssue });
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map(({ path, message }) => `${origin}: ${pathOf(path)}${message}`).join('\n'));
  }
  const twice = repeated(parsed.data.groups.map(({ name }) => name));
  if (twice !== undefined) throw new Error(`${origin}: two groups are named ${twice}; give each a name of its own`);
  return parsed.data;
}

/** A profile of `total` devices whose groups keep their proportions; every group keeps at least one. */
export function scaled({ groups }: Profile, total: number): Profile {
  if (total < groups.length) {
    throw new Error(`--devices ${total} are too few for ${groups.length} groups; use at least one a group`);
  }
  const weight = groups.reduce((sum, { count }) => sum + count, 0);
  const spare = total - groups.length;
  // The end of each group's share, rounded: the shares add up to the whole.
  let before = 0;
  let weightBefore = 0;
  const resized = groups.map((group) => {
    weightBefore += group.count;
    const end = Math.round((spare * weightBefore) / weight);
    const count = end - before + 1;
    before = end;
    return { ...group, count };
  });
  return { groups: resized };
}

function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    return `there is no ${issue.keys.join(', ')} here; see src/simulator/README.md for what there is`;
  }
  if (issue.code === 'invalid_union') return `${kindOf(issue.input)}; use one of ${KINDS.join(', ')}`;
  if (issue.code === 'invalid_key') return 'write a message name, as in sensor.v1.SampleRate';
  return issue.code === 'invalid_type' && issue.input === undefined ? 'is missing; add it' : undefined;
}

function kindOf(input: unknown): string {
  const kind = typeof input === 'object' && input !== null && 'kind' in input ? input.kind : undefined;
  return kind === undefined
    ? 'a behaviour needs a kind'
    : `there is no kind ${typeof kind === 'string' ? kind : JSON.stringify(kind)}`;
}

function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '';
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return `${text.replace(/^\./, '')}: `;
}

function repeated(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index);
}
