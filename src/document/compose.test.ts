import { describe, expect, it } from '@jest/globals';
import { device, document, rate, RATE, standing, syncOf } from '../../test/gen/device.ts';
import type { DesiredDocument } from '../protocol/envelopes.ts';
import { composeDocument } from './compose.ts';
import type { ComposeInput, ClaimedRevisions } from './compose.ts';

const NOW = Date.parse('2024-11-21T00:00:00Z');
const nothingClaimed: ClaimedRevisions = { birth: 0, reports: new Map(), reissued: new Set() };

function compose(input: Partial<ComposeInput>) {
  const composed = composeDocument({
    device: device(),
    desired: { values: input.device?.properties?.desired ?? {}, invalid: {} },
    wire: { encoding: 'json', schema: undefined },
    cluster: 'c1',
    copy: undefined,
    claimed: nothingClaimed,
    now: NOW,
    ...input,
  });
  return { ...composed, document: JSON.parse(composed.payload.toString()) as DesiredDocument };
}

function revisionOf(input: Partial<ComposeInput>): number | undefined {
  return compose(input).document.messages[RATE]?.revision;
}

describe('the revision of a desired message', () => {
  const cases: [string, Partial<ComposeInput>, number][] = [
    ['is the generation when the message is new', { device: device({ generation: 4, desired: rate(60) }) }, 4],
    [
      "stays while the broker's copy holds the value",
      { device: device({ generation: 9, desired: rate(60) }), copy: standing(document(60, 4)) },
      4,
    ],
    [
      'stays when the copy is gone and the status remembers the value',
      { device: device({ generation: 9, desired: rate(60), status: { sync: syncOf(60, { revision: 4 }) } }) },
      4,
    ],
    [
      'passes every known one when the value changes',
      {
        device: device({ generation: 5, desired: rate(30), status: { sync: syncOf(60, { revision: 7 }) } }),
        copy: standing(document(60, 8)),
      },
      9,
    ],
    [
      'passes the copy when a restored cluster falls back to an older value and generation',
      {
        device: device({ generation: 2, desired: rate(60), status: { sync: syncOf(60, { revision: 2 }) } }),
        copy: standing(document(30, 9)),
      },
      10,
    ],
    [
      "passes what the device's birth names when cluster and broker both lost it",
      {
        device: device({
          generation: 2,
          desired: rate(60),
          status: { sync: syncOf(60, { revision: 2, state: 'Pending' }) },
        }),
        claimed: { ...nothingClaimed, birth: 9 },
      },
      10,
    ],
    [
      'passes what a report of the message names',
      {
        device: device({
          generation: 2,
          desired: rate(60),
          status: { sync: syncOf(60, { revision: 2, state: 'Pending' }) },
        }),
        copy: standing(document(60, 2)),
        claimed: { ...nothingClaimed, reports: new Map([[RATE, 9]]) },
      },
      10,
    ],
    [
      'stays when the device names a higher one and is in sync',
      {
        device: device({ generation: 2, desired: rate(60), status: { sync: syncOf(60, { revision: 2 }) } }),
        claimed: { ...nothingClaimed, birth: 9 },
      },
      2,
    ],
    [
      'is issued anew only once a session',
      {
        device: device({
          generation: 2,
          desired: rate(60),
          status: { sync: syncOf(60, { revision: 2, state: 'Pending' }) },
        }),
        claimed: { birth: 9, reports: new Map(), reissued: new Set([RATE]) },
      },
      2,
    ],
    [
      "counts nothing of another object's uid",
      {
        device: device({ generation: 1, desired: rate(60) }),
        copy: standing(document(60, 50, 'uid-of-the-predecessor')),
      },
      1,
    ],
  ];
  it.each(cases)('%s', (_name, input, revision) => {
    expect(revisionOf(input)).toBe(revision);
  });
});

describe('the desired document', () => {
  it('stamps a changed message later than its former time, even when the clock went back', () => {
    const status = { sync: syncOf(60), properties: { desired: { [RATE]: '2030-01-01T00:00:00.000Z' } } };
    const { document: composed } = compose({ device: device({ generation: 2, desired: rate(30), status }) });
    expect(composed.messages[RATE]?.time).toBe('2030-01-01T00:00:00.001Z');
  });

  it('is the same bytes when nothing changed, whatever the time', () => {
    const first = compose({ device: device({ desired: rate(60) }) });
    const again = compose({
      device: device({ generation: 8, desired: rate(60) }),
      copy: standing(first.document),
      now: NOW + 1e9,
    });
    expect(again.payload).toEqual(first.payload);
  });

  it('has no messages while the device is disabled, and brings them back with their revisions', () => {
    const status = {
      sync: syncOf(60, { revision: 3 }),
      properties: { desired: { [RATE]: '2024-11-20T00:00:00.000Z' } },
    };
    const disabled = compose({
      device: device({ generation: 4, disabled: true, desired: rate(60), status }),
      copy: standing(document(60, 3)),
    });
    expect(disabled.document).toMatchObject({ disabled: true, messages: {} });
    const enabled = compose({
      device: device({ generation: 5, desired: rate(60), status }),
      copy: standing(disabled.document),
    });
    expect(enabled.document).toMatchObject({ disabled: false, messages: { [RATE]: { revision: 3 } } });
  });
});
