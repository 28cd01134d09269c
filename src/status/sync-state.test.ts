import { describe, expect, it } from '@jest/globals';
import { RATE, syncOf } from '../../test/gen/device.ts';
import type { SyncRecord } from '../api/device.ts';
import type { ReportedEnvelope } from '../protocol/envelopes.ts';
import { judgeSync } from './sync-state.ts';

const WANTED = { intervalSeconds: 60 };
const OTHER = { intervalSeconds: 30 };
const prior = (parts: Partial<SyncRecord>): SyncRecord | undefined => syncOf(60, { revision: 5, ...parts })[RATE];
const ours = (parts: ReportedEnvelope): ReportedEnvelope => ({ uid: 'uid-1', revision: 5, ...parts });

/** Desired is 60 at revision 5 of uid-1; `reported` defaults to the report's value. */
function judge(was: SyncRecord | undefined, report: ReportedEnvelope | undefined, reported = report?.value): string {
  const { state, reason } = judgeSync({
    prior: was,
    uid: 'uid-1',
    revision: 5,
    desired: WANTED,
    reported,
    report,
    type: undefined,
  });
  return reason === undefined || reason === state ? state : `${state}/${reason}`;
}

describe('where a desired message stands', () => {
  const cases: [string, string][] = [
    ['is Pending when nothing was ever heard', judge(undefined, undefined)],
    ['is InSync at once when the device already reports the value', judge(undefined, undefined, WANTED)],
    [
      'is Pending at a new revision, whatever was before',
      judge(prior({ state: 'Rejected', revision: 4 }), undefined, OTHER),
    ],
    ['stays Rejected without news', judge(prior({ state: 'Rejected', reason: 'Rejected' }), undefined, OTHER)],
    [
      'is Acknowledged when the device accepted it',
      judge(prior({ state: 'Pending' }), ours({ status: 'accepted', value: OTHER })),
    ],
    [
      'is InSync when the device applied it',
      judge(prior({ state: 'Acknowledged' }), ours({ status: 'applied', value: WANTED })),
    ],
    [
      'is InSync when an applied report has no value',
      judge(prior({ state: 'Pending' }), ours({ status: 'applied' }), OTHER),
    ],
    [
      'is InSync when an applied report leaves the field out',
      judge(prior({ state: 'Pending' }), ours({ status: 'applied', value: { other: 1 } })),
    ],
    [
      'is Rejected when the device rejected it',
      judge(prior({ state: 'Pending' }), ours({ status: 'rejected', value: OTHER })),
    ],
    [
      'is Drifted/AppliedDifferently when it was applied as something else',
      judge(prior({ state: 'Pending' }), ours({ status: 'applied', value: OTHER })),
    ],
    [
      'is Drifted when it was in sync and the value changed',
      judge(prior({}), ours({ status: 'applied', value: OTHER })),
    ],
    ['is Drifted when it was in sync and a bare value differs', judge(prior({}), { value: OTHER })],
    [
      'is Drifted when it was in sync and the last word was only accepted',
      judge(prior({}), ours({ status: 'accepted', value: OTHER })),
    ],
    [
      'is InSync again when the value comes back',
      judge(prior({ state: 'Drifted', reason: 'Drifted' }), { value: WANTED }),
    ],
    ['is InSync by a bare value', judge(prior({ state: 'Pending' }), { value: WANTED })],
    [
      'is Pending, not Drifted, when an older revision reports its value',
      judge(prior({}), ours({ revision: 4, status: 'applied', value: OTHER })),
    ],
    [
      'is Drifted when a foreign uid reports another value',
      judge(prior({}), { uid: 'other', revision: 5, status: 'applied', value: OTHER }),
    ],
    [
      'is Pending when a foreign uid rejected something',
      judge(prior({ state: 'Pending' }), { uid: 'other', revision: 5, status: 'rejected', value: OTHER }),
    ],
    ['stays Acknowledged when a bare value still differs', judge(prior({ state: 'Acknowledged' }), { value: OTHER })],
  ];
  it.each(cases)('%s', (name, found) => {
    const expected = /^(?:is|stays) ([\w/]+)/.exec(name)?.[1];
    expect(found).toBe(expected);
  });
});
