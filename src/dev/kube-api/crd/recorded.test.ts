/** The same objects that a real API server was given, with the same outcome: what is stored, what is pruned, and every error to the letter. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { compileCrd } from './index.ts';
import type { Crd, Json } from './index.ts';

interface Recorded {
  readonly spec: Json;
  readonly old?: Json;
  readonly stored?: Json;
  readonly unknown?: string[];
  readonly errors?: string[];
}

const read = (name: string): unknown => load(readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8'));
const version = compileCrd(read('sink.crd.yaml') as Crd).versions.get('v1')!;
const recorded = read('recorded.yaml') as Recorded[];

const sink = (spec: Json): Json => ({ apiVersion: 'test.mir/v1', kind: 'Sink', metadata: { name: 's' }, spec });

const accepted = recorded.filter(({ stored }) => stored !== undefined);
const named = (list: readonly Recorded[]): [string, Recorded][] => list.map((one) => [JSON.stringify(one.spec), one]);

describe('an object of the kitchen-sink CRD', () => {
  it.each(named(recorded))('is judged: %s', (_name, { spec, old, errors = [] }) => {
    const { object } = version.admit(sink(spec), 'whole');
    const found = version.validate(object, old === undefined ? undefined : sink(old));
    expect(found.map(({ field, message }) => `${field}: ${message}`).sort()).toEqual(errors);
  });

  it.each(named(accepted))('is stored: %s', (_name, { spec, stored, unknown = [] }) => {
    expect(version.admit(sink(spec), 'whole')).toEqual({ object: sink(stored ?? null), unknownFields: unknown });
  });
});
