import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { device } from '../../../test/gen/device.ts';
import type { JsonObject, JsonValue } from '../../api/device.ts';
import type { DesiredState, DeviceHistory, HistoryBody } from '../../api/history.ts';
import { changeOf } from '../../api/value-change.ts';
import { recordSteps } from '../../history/record.ts';
import { applyMergePatch } from '../../api/merge-patch.ts';
import { Refusal } from './plan.ts';
import { patchTo, stateAt } from './rollback-plan.ts';

const RULES = { limit: 100, valueBytes: 4096, keepsDeleted: false };

/** A device whose states were recorded one by one, at revisions 1, 2, 3 … and a second apart. */
function recorded(states: readonly DesiredState[], rules = RULES) {
  let history: HistoryBody | undefined;
  for (const [at, state] of states.entries()) {
    const generation = at + 1;
    const twin = device({ generation, desired: state.desired, disabled: state.disabled });
    const time = timeOf(generation);
    const unstamped = { stamp: undefined, managed: undefined };
    const step = { generation, time, ...unstamped, state, author: 'alice', authorKind: 'User' } as const;
    history = recordSteps(history, twin, [step], rules);
  }
  const last = states.at(-1);
  const twin = device({ generation: states.length, ...(last && { desired: last.desired, disabled: last.disabled }) });
  return { twin, history: { apiVersion: '', kind: '', metadata: twin.metadata, ...history } as DeviceHistory };
}

const timeOf = (generation: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, generation)).toISOString();

const field = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom('a', 'b'),
  fc.array(fc.integer(), { maxLength: 2 }),
);
const message = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.oneof(field, fc.dictionary(fc.constantFrom('d', 'e'), field)),
);
const state = fc.record({
  desired: fc.dictionary(fc.constantFrom('x.A', 'x.B'), message),
  disabled: fc.boolean(),
});

describe('a rollback', () => {
  it('to any revision that is kept leads to what was desired then, by one merge patch', () => {
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 8 }), (states) => {
        const { twin, history } = recorded(states);
        for (const { revision } of history.changes) {
          const wanted = states[revision - 1];
          const found = stateAt(twin, history, { revision });
          expect(found.disabled).toBe(wanted?.disabled);
          expect(changeOf(found.desired as JsonObject, wanted?.desired)).toBeUndefined();
          const patch = patchTo(found, twin);
          const patched = applyMergePatch({ ...twin } as unknown as JsonValue, patch);
          const { desired } = (patched['properties'] ?? {}) as JsonObject;
          expect(changeOf(desired, wanted?.desired)).toBeUndefined();
        }
      }),
    );
  });

  const two = [
    { desired: { 'x.A': { a: 1 } }, disabled: false },
    { desired: { 'x.A': { a: 2 } }, disabled: true },
  ];

  it('to a time leads to what was desired then', () => {
    const { twin, history } = recorded(two);
    const time = Date.parse(timeOf(1)) + 500;
    expect(stateAt(twin, history, { time })).toEqual({ desired: { 'x.A': { a: 1 } }, disabled: false });
    expect(patchTo(stateAt(twin, history, { time: Date.now() + 1e12 }), twin)).toEqual({});
  });

  it.each([
    ['to a revision that is not kept', { revision: 7 }, 'there is no revision 7; its history has 2, 1'],
    ['to a time before all that is kept', { time: 0 }, `its history begins at ${timeOf(1)} with revision 1`],
  ])('%s is refused', (_, target, why) => {
    const { twin, history } = recorded(two);
    expect(() => stateAt(twin, history, target)).toThrow(new Refusal(why));
  });

  it('past values that were not kept is refused, and one that leaves them alone is not', () => {
    const long = (text: string): JsonObject => ({ text: text.repeat(200) });
    const { twin, history } = recorded(
      [
        { desired: { 'x.A': long('a'), 'x.B': { a: 1 } }, disabled: false },
        { desired: { 'x.A': long('b'), 'x.B': { a: 1 } }, disabled: false },
        { desired: { 'x.A': long('b'), 'x.B': { a: 2 } }, disabled: false },
      ],
      { ...RULES, valueBytes: 100 },
    );
    expect(stateAt(twin, history, { revision: 2 }).desired).toEqual({ 'x.A': long('b'), 'x.B': { a: 1 } });
    expect(() => stateAt(twin, history, { revision: 1 })).toThrow(
      'revision 2 changed x.A, and its values were too long to keep',
    );
  });
});
