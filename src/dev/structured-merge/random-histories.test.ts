/** Random histories of one object, and what sigs.k8s.io/structured-merge-diff v6.4.2 made of them, the library of the API server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { Json } from '../kube-api/crd/types.ts';
import { ApplyConflictError, afterApply, afterUpdate } from './owners.ts';
import type { Owners, Rules } from './owners.ts';
import { printPath } from './path-element.ts';
import { TYPE } from './testing/every-kind.ts';

interface Step {
  /** `update u1`, `apply a1`, `apply --force a1`. */
  readonly by: string;
  readonly object: Json;
  readonly conflicts?: readonly string[];
  readonly after?: Json;
  readonly owners?: Readonly<Record<string, unknown>>;
}

const FILE = join(import.meta.dirname, 'random-histories.json');
const HISTORIES = JSON.parse(readFileSync(FILE, 'utf8')) as readonly (readonly Step[])[];

const RULES: Rules = { apiVersion: 'v1', ignored: [], typeOf: () => TYPE };

it.each(HISTORIES.map((steps, at) => [at, steps] as const))('history %i goes as in the API server', (_, steps) => {
  expect(replayed(steps)).toEqual(steps);
});

function replayed(steps: readonly Step[]): Step[] {
  let [object, owners]: [Json, Owners] = [{}, new Map()];
  return steps.map((step) => {
    const [verb, manager = ''] = step.by.split(/ (?:--force )?/);
    if (verb === 'update') {
      owners = afterUpdate(object, step.object, owners, manager, RULES);
      object = step.object;
    } else {
      try {
        const applied = afterApply(object, step.object, owners, manager, RULES, step.by.includes('--force'));
        owners = applied.owners;
        if (applied.hasChanged) object = applied.object;
      } catch (error) {
        return { by: step.by, object: step.object, conflicts: conflictsOf(error) };
      }
    }
    const owned = [...owners].map(([name, { fields }]) => [name, fields] as const);
    return { by: step.by, object: step.object, after: object, owners: Object.fromEntries(owned) };
  });
}

function conflictsOf(error: unknown): string[] {
  if (!(error instanceof ApplyConflictError)) throw error;
  return error.conflicts.map(({ manager, path }) => `${manager} ${printPath(path)}`).toSorted();
}
