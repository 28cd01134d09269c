import { z } from 'zod';
import type { JsonObject, JsonValue } from '../../api/device.ts';
import type { Random } from '../random.ts';

/** Draws the next value of a message. */
export type ValueSource = (moment: Moment) => JsonValue;

interface Moment {
  readonly random: Random;
  /** The device's clock, which may be wrong: milliseconds since the epoch. */
  readonly now: number;
  /** The device's number in its group, from 1. */
  readonly n: number;
}

const pair = z.tuple([z.number(), z.number()]).refine(([low, high]) => low <= high, 'write the smaller number first');
const decimals = z.int().min(0).max(15).optional();

/** In place of a value: something that makes one. Names begin with `$`, which no field of a message does. */
const generator = z.union([
  z.strictObject({ $range: pair, decimals }),
  z.strictObject({ $walk: pair, step: z.number().positive(), start: z.number().optional(), decimals }),
  z.strictObject({ $oneOf: z.array(z.json()).min(1) }),
  z.strictObject({ $count: z.int() }),
  z.strictObject({ $time: z.enum(['rfc3339', 'seconds']) }),
]);
type Generator = z.infer<typeof generator>;

const GENERATORS = '$range, $walk (with step), $oneOf, $count or $time';

/** The value of a message with generators in it: `{percentage: {$walk: [0, 100], step: 1}}`. */
export const valueTemplate = z
  .record(z.string(), z.json(), { error: 'write the fields of the message, as in {percentage: 87}' })
  .superRefine((template, context) => {
    for (const problem of problemsIn(template, [])) context.addIssue({ code: 'custom', ...problem });
  });

/** Each device has sources of its own: a walk remembers where it is. */
export function valueSource(template: JsonObject): (moment: Moment) => JsonObject {
  const fields = Object.entries(template).map(([name, value]) => [name, sourceOf(value)] as const);
  return (moment) => Object.fromEntries(fields.map(([name, source]) => [name, source(moment)]));
}

function sourceOf(template: JsonValue): ValueSource {
  if (Array.isArray(template)) {
    const sources = template.map(sourceOf);
    return (moment) => sources.map((source) => source(moment));
  }
  if (!isObject(template)) return () => template;
  const made = isGenerator(template) ? generator.safeParse(template).data : undefined;
  return made === undefined ? valueSource(template) : generate(made);
}

function generate(made: Generator): ValueSource {
  if ('$range' in made) {
    const [low, high] = made.$range;
    return ({ random }) => rounded(low + random() * (high - low), made.decimals ?? decimalsOf(made.$range));
  }
  if ('$walk' in made) return walk(made);
  if ('$oneOf' in made) return ({ random }) => made.$oneOf[Math.floor(random() * made.$oneOf.length)] ?? null;
  if ('$time' in made) {
    return ({ now }) => (made.$time === 'seconds' ? Math.floor(now / 1000) : new Date(now).toISOString());
  }
  let count = made.$count;
  return () => count++;
}

function walk(made: Extract<Generator, { $walk: unknown }>): ValueSource {
  const { $walk: limits, step, start } = made;
  const [low, high] = limits;
  const places = made.decimals ?? decimalsOf([...limits, step]);
  let at = start;
  return ({ random }) => {
    const before = at ?? low + random() * (high - low);
    const next = at === undefined ? before : before + (random() * 2 - 1) * step;
    at = Math.min(high, Math.max(low, next));
    return rounded(at, places);
  };
}

/** Whole limits give whole numbers. */
const decimalsOf = (numbers: readonly number[]): number =>
  Math.max(0, ...numbers.map((number) => (Number.isInteger(number) ? 0 : 2)));

const rounded = (value: number, places: number): number => Number(value.toFixed(places));

interface Problem {
  readonly path: (string | number)[];
  readonly message: string;
}

function problemsIn(template: unknown, path: readonly (string | number)[]): Problem[] {
  if (Array.isArray(template)) return template.flatMap((item, index) => problemsIn(item, [...path, index]));
  if (!isObject(template)) return [];
  if (!isGenerator(template)) {
    return Object.entries(template).flatMap(([name, value]) => problemsIn(value, [...path, name]));
  }
  if (generator.safeParse(template).success) return [];
  return [
    { path: [...path], message: `${JSON.stringify(template)} makes no value; use ${GENERATORS} as the README says` },
  ];
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isGenerator = (template: JsonObject): boolean => Object.keys(template).some((name) => name.startsWith('$'));
