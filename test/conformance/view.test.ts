/** The same requests through `mir/v1alpha` and through `iot.mir/v1alpha`, on both control planes: the answers say the same. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installView, removeView, routeView, viewFlag } from '../world/view-service.ts';
import { openWorld } from '../world/world.ts';
import type { World, WorldKind } from '../world/world.ts';
import { CASES } from './cases.ts';
import type { Case } from './cases.ts';
import { differences } from './differences.ts';
import { exchange } from './exchange.ts';
import type { Answer, Step } from './exchange.ts';
import { normalise } from './normalise.ts';
import { VIEW_DIFFERENCES } from './view-differences.ts';

/** Nobody writes a status through the view, which has a test of its own. */
const isOfDevices = ({ steps }: Case): boolean =>
  steps.every(
    ({ path, method, isPreparation }) =>
      /^\/apis\/iot\.mir\/v1alpha\/(namespaces\/[^/]+\/)?devices\b/.test(path) &&
      (!path.includes('/status') || method === 'GET' || isPreparation === true),
  );

const cases = Object.entries(CASES).flatMap(([group, ones]) =>
  ones.filter(isOfDevices).map((one) => ({ title: `${group} › ${one.name}`, steps: one.steps })),
);

describe.each<WorldKind>(['real', 'embedded'])('on the %s control plane', (kind) => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld({ kind });
    await installView(world);
    // It serves another namespace, so that no status is written here.
    const operator = await world.startOperator({ namespace: 'elsewhere', flags: [viewFlag()] });
    await routeView(world, operator);
  }, 300_000);
  afterAll(async () => {
    await removeView(world);
    await world.close();
  }, 120_000);

  it.each(cases)('the view answers as the CRD does: $title', async ({ title, steps }) => {
    const stored = await exchange(world.kubeconfig, await world.namespace(), steps);
    const mir = await exchange(world.kubeconfig, await world.namespace(), steps.map(throughView));
    const found = differences(comparable(stored), comparable(mir.map(asStored)));
    const { at: places = [], on = kind } = VIEW_DIFFERENCES.get(title) ?? {};
    const known = on === kind ? places : [];
    expect(found.filter(({ at }) => !known.includes(at))).toEqual([]);
    expect(known.filter((place) => !found.some(({ at }) => at === place))).toEqual([]);
  });
});

it('the differences that are known are of cases that there are', () => {
  const titles = cases.map(({ title }) => title);
  expect([...VIEW_DIFFERENCES.keys()].filter((title) => !titles.includes(title))).toEqual([]);
});

/** Preparations through the view too, but for the status, which nobody writes there. */
function throughView(step: Step): Step {
  if (step.isPreparation === true && step.path.includes('/status')) return step;
  const text = JSON.stringify(step).replaceAll('iot.mir/v1alpha', 'mir/v1alpha');
  return JSON.parse(text) as Step;
}

function asStored({ body, ...answer }: Answer): Answer {
  return { ...answer, body: storedShape(body) };
}

function storedShape(value: unknown): unknown {
  if (typeof value === 'string')
    return value
      .replaceAll(/(?<![\w./-])mir\/v1alpha/g, 'iot.mir/v1alpha')
      .replaceAll(/\b(devices?)\.mir\b/g, '$1.iot.mir');
  if (Array.isArray(value)) return value.map(storedShape);
  if (typeof value !== 'object' || value === null) return value;
  const { meta: _meta, ...rest } = value as Record<string, unknown>;
  const fields = Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, storedShape(each)]));
  if (fields['group'] === 'mir') fields['group'] = 'iot.mir';
  const { properties, status } = fields as { properties?: Record<string, unknown>; status?: object };
  if (fields['kind'] !== 'device' || properties?.['reported'] === undefined) return fields;
  const { reported, ...others } = properties;
  const { properties: _properties, ...kept } = fields;
  return {
    ...kept,
    ...(Object.keys(others).length > 0 && { properties: others }),
    status: { ...status, reported },
  };
}

/** Without who wrote it, which only the view knows, and without what the view owns by that. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((each) => !isStamp(each)).map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => !/^(f:)?iot\.mir\/author/.test(key))
    .map(([key, each]): [string, unknown] => [key, inOrder(key, comparable(each))]);
  return Object.fromEntries(entries.filter(([key, each]) => !LEFT_EMPTY.includes(key) || !isEmpty(each)));
}

/** Sorted by what they hold, which was not the same before. */
function inOrder(key: string, value: unknown): unknown {
  return key === 'managedFields' && Array.isArray(value)
    ? (normalise({ managedFields: value }, NOBODY) as { readonly managedFields: unknown }).managedFields
    : value;
}

const NOBODY = { namespace: '{ns}', hash: '{hash}' };

const LEFT_EMPTY = ['annotations', 'f:annotations', 'f:metadata'];

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).every((key) => key === '.');
}

/** The entry of managedFields of somebody who owns nothing but who the author is. */
function isStamp(entry: unknown): boolean {
  if (typeof entry !== 'object' || entry === null || !('manager' in entry) || !('fieldsV1' in entry)) return false;
  return JSON.stringify(entry.fieldsV1).includes('"f:iot.mir/author') && isEmpty(comparable(entry.fieldsV1));
}
