import { describe, expect, it } from '@jest/globals';
import { device, document, rate, RATE, standing, syncOf } from '../../test/gen/device.ts';
import type { ConditionType, Reason } from '../api/reasons.ts';
import type { Device, DeviceStatus } from '../api/device.ts';
import { recallPresence } from '../presence/presence.ts';
import type { Presence } from '../presence/presence.ts';
import type { ReportedEnvelope } from '../protocol/envelopes.ts';
import { transitionEvents } from './events.ts';
import { planStatusWrite, planWithHeartbeat } from './patch.ts';
import { computeStatus } from './compute.ts';
import type { StatusInput } from './input.ts';

const NOW = Date.parse('2024-11-21T00:00:00Z');
const BATTERY = 'sensor.v1.BatteryStatus';

function input(parts: Partial<StatusInput> = {}): StatusInput {
  const subject = parts.device ?? device({ desired: rate(60) });
  return {
    device: subject,
    now: NOW,
    schemaState: { kind: 'untyped' },
    desired: { values: subject.properties?.desired ?? {}, invalid: {} },
    claim: { kind: 'owner' },
    publication: { kind: 'published', document: standing(document(60, 1)) },
    presence: recallPresence(undefined, 0),
    reports: new Map(),
    announced: undefined,
    isFlapping: false,
    maxMessages: 64,
    maxValueBytes: 16_384,
    ...parts,
  };
}

const online: Presence = { ...recallPresence(undefined, 0), online: true, reason: 'Birth', lastHeartbeat: NOW };

function reports(map: Record<string, ReportedEnvelope>): StatusInput['reports'] {
  return new Map(Object.entries(map).map(([name, envelope]) => [name, { envelope, receivedAt: NOW }]));
}

function statusOf(parts: Partial<StatusInput>): DeviceStatus {
  return computeStatus(input(parts)).status;
}

function condition(status: DeviceStatus, type: ConditionType): string {
  const found = status.conditions?.find((one) => one.type === type);
  return found === undefined ? 'absent' : `${found.status}/${found.reason}`;
}

/** The object as it is after `status` was written. */
const written = (status: DeviceStatus, parts: Parameters<typeof device>[0] = {}): Device =>
  device({ desired: rate(60), ...parts, status });

describe('the status of a device', () => {
  it('is Ready and not Synced while a published message waits for the device', () => {
    const status = statusOf({});
    expect(condition(status, 'Ready')).toBe('True/Published');
    expect(condition(status, 'Synced')).toBe('False/Pending');
    expect(condition(status, 'Online')).toBe('False/NeverSeen');
    expect(condition(status, 'Reconciling')).toBe('absent');
    expect(status.sync?.[RATE]).toMatchObject({ state: 'Pending', revision: 1 });
  });

  it('is Synced when the device reports what is desired, with times of both sides', () => {
    const status = statusOf({ reports: reports({ [RATE]: { value: { intervalSeconds: 60 } } }) });
    expect(condition(status, 'Synced')).toBe('True/InSync');
    expect(status.properties).toEqual({
      desired: { [RATE]: '2024-11-20T00:00:00.000Z' },
      reported: { [RATE]: '2024-11-21T00:00:00.000Z' },
    });
  });

  it('is computed to the same status again, so that nothing is written twice', () => {
    const first = statusOf({ presence: online, reports: reports({ [RATE]: { value: { intervalSeconds: 60 } } }) });
    const again = computeStatus(input({ device: written(first), presence: online, now: NOW + 99_000 }));
    expect(planStatusWrite(first, again.status)).toBeUndefined();
  });

  it('has no word too many where all is well, because every byte costs the API server', () => {
    const status = statusOf({ presence: online, reports: reports({ [RATE]: { value: { intervalSeconds: 60 } } }) });
    const lastTransitionTime = '2024-11-21T00:00:00.000Z';
    expect(status.conditions).toEqual([
      { type: 'Ready', status: 'True', reason: 'Published', message: '', lastTransitionTime },
      { type: 'Synced', status: 'True', reason: 'InSync', message: '', lastTransitionTime },
      { type: 'Online', status: 'True', reason: 'Birth', message: '', lastTransitionTime },
    ]);
    const words = transitionEvents(undefined, status).map(({ message }) => message);
    expect(words).toEqual(['the device announced itself', 'desired and reported agree']);
  });

  it('that says the same in the words of a former release is written once more, when nothing else waits', () => {
    const parts = { presence: online, reports: reports({ [RATE]: { value: { intervalSeconds: 60 } } }) };
    const lean = statusOf(parts);
    const noSchema = { type: 'SchemaValid', status: 'Unknown', reason: 'NoSchema' as Reason } as const;
    const lastTransitionTime = '2024-11-20T00:00:00.000Z';
    const wordy = [...(lean.conditions ?? []), { ...noSchema, lastTransitionTime }].map((one) => ({
      ...one,
      message: 'in other words',
      observedGeneration: 1,
    }));
    const before = { ...lean, conditions: wordy };
    const after = computeStatus(input({ ...parts, device: written(before) })).status;
    expect(after).toEqual(lean);
    expect(planStatusWrite(before, after)).toEqual({ patch: { conditions: lean.conditions }, writeClass: 'reported' });
    const again = computeStatus(input({ ...parts, device: written(after) })).status;
    expect(planStatusWrite(after, again)).toBeUndefined();
  });

  it('keeps the time of a reported value that is reported again unchanged', () => {
    const status = statusOf({ reports: reports({ [BATTERY]: { value: { percentage: 87 } } }) });
    const again = statusOf({
      device: written(status),
      now: NOW + 5000,
      reports: reports({ [BATTERY]: { value: { percentage: 87 } } }),
    });
    expect(again.properties?.reported).toEqual(status.properties?.reported);
  });

  it('is not Ready and Stalled when the device rejected a message, with its reason', () => {
    const reason = 'interval too short';
    const envelope = { uid: 'uid-1', revision: 1, status: 'rejected', reason } as const;
    const status = statusOf({ reports: reports({ [RATE]: envelope }) });
    expect(condition(status, 'Ready')).toBe('False/Rejected');
    expect(condition(status, 'Stalled')).toBe('True/Rejected');
    expect(condition(status, 'Synced')).toBe('False/Rejected');
    expect(status.sync?.[RATE]).toMatchObject({ state: 'Rejected', reason: 'Rejected', message: reason });
    expect(transitionEvents(undefined, status)).toContainEqual(
      expect.objectContaining({ type: 'Warning', reason: 'Rejected', message: expect.stringContaining(reason) }),
    );
  });

  it('is not Ready but working on it while a change cannot be published', () => {
    const problem = { reason: 'BrokerUnavailable', message: 'away' } as const;
    const status = statusOf({ publication: { kind: 'held', problem, document: undefined } });
    expect(condition(status, 'Ready')).toBe('False/BrokerUnavailable');
    expect(condition(status, 'Reconciling')).toBe('True/BrokerUnavailable');
    expect(condition(status, 'Stalled')).toBe('absent');
  });

  it('marks a message that does not fit as Invalid and keeps the revision of what was sent before', () => {
    const problem = { reason: 'TooLargeForDevice', message: 'too large' } as const;
    const status = statusOf({
      device: device({ generation: 2, desired: rate(30), status: { sync: syncOf(60, { revision: 1 }) } }),
      publication: { kind: 'held', problem, document: standing(document(60, 1)) },
    });
    expect(status.sync?.[RATE]).toMatchObject({ state: 'Invalid', revision: 1, reason: 'TooLargeForDevice' });
    expect(condition(status, 'Stalled')).toBe('True/TooLargeForDevice');
  });

  it('is offline and not Synced while disabled, and keeps its records', () => {
    const before = statusOf({ presence: online, reports: reports({ [RATE]: { value: { intervalSeconds: 60 } } }) });
    const disabled = { ...document(60, 1), disabled: true, messages: {} };
    const status = statusOf({
      device: written(before, { generation: 2, disabled: true }),
      presence: online,
      publication: { kind: 'published', document: disabled },
    });
    expect(status.online).toBe(false);
    expect(condition(status, 'Online')).toBe('False/Disabled');
    expect(condition(status, 'Synced')).toBe('False/Disabled');
    expect(condition(status, 'Ready')).toBe('True/Disabled');
    expect(status.sync).toEqual(before.sync);
  });

  it('of a younger object with the same device id is Stalled and names the older one', () => {
    const status = statusOf({ claim: { kind: 'duplicate', winner: 'default/older' } });
    expect(condition(status, 'Stalled')).toBe('True/DuplicateDeviceId');
    expect(condition(status, 'Ready')).toBe('False/DuplicateDeviceId');
    expect(status.conditions?.find(({ type }) => type === 'Stalled')?.message).toContain('default/older');
    expect(transitionEvents(undefined, status).map(({ reason }) => reason)).toEqual(['DuplicateDeviceId']);
  });

  it('is cut down to the messages that a new session announces', () => {
    const before = statusOf({
      reports: reports({ [RATE]: { value: { intervalSeconds: 60 } }, [BATTERY]: { value: { percentage: 87 } } }),
    });
    const status = statusOf({ device: written(before), announced: [RATE] });
    expect(Object.keys(status.reported ?? {})).toEqual([RATE]);
    expect(planStatusWrite(before, status)?.patch).toEqual({
      reported: { [BATTERY]: null },
      properties: { reported: { [BATTERY]: null } },
    });
  });

  it('refuses reports beyond the limit of messages and keeps those it has', () => {
    const computed = computeStatus(
      input({
        maxMessages: 1,
        reports: reports({ [RATE]: { value: { intervalSeconds: 60 } }, [BATTERY]: { value: {} } }),
      }),
    );
    expect(Object.keys(computed.status.reported ?? {})).toEqual([RATE]);
    expect(computed.refused).toEqual([BATTERY]);
  });

  it('drops nulls within reported values, which a merge patch could not carry', () => {
    const status = statusOf({ reports: reports({ [BATTERY]: { value: { percentage: 87, voltage: null } } }) });
    expect(status.reported?.[BATTERY]).toEqual({ percentage: 87 });
  });

  it('writes a heartbeat along with other changes, and alone only when its turn has come', () => {
    const plan = (before: DeviceStatus | undefined, presence: Presence, isHeartbeatDue: boolean) => {
      const parts = before === undefined ? { presence } : { presence, device: written(before) };
      const { status, heartbeat } = computeStatus(input(parts));
      return planWithHeartbeat(before, status, heartbeat, isHeartbeatDue);
    };
    const first = plan(undefined, online, false).status;
    expect(first.lastHeartbeat).toBe('2024-11-21T00:00:00Z');
    const later = { ...online, lastHeartbeat: NOW + 20_000 };
    expect(plan(first, later, false)).toEqual({ status: first, write: undefined });
    expect(plan(first, later, true).write).toEqual({
      patch: { lastHeartbeat: '2024-11-21T00:00:20Z' },
      writeClass: 'heartbeat',
    });
    expect(plan(first, online, true).write).toBeUndefined();
  });

  it('changes no transition time while a condition keeps its status', () => {
    const first = statusOf({});
    const second = statusOf({
      device: written(first, { generation: 2 }),
      now: NOW + 60_000,
      publication: { kind: 'published', document: standing(document(60, 1)) },
    });
    expect(second.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
      first.conditions?.map(({ lastTransitionTime }) => lastTransitionTime),
    );
    expect(second.observedGeneration).toBe(2);
  });
});

/** What decides about a twin that has all of it: taken away one by one, in the order of precedence. */
describe('of all that is to be said of a twin', () => {
  const held = (reason: Reason) => ({ kind: 'held', problem: { reason, message: '' }, document: undefined }) as const;
  const rejected = { status: { sync: syncOf(60, { revision: 1, state: 'Rejected' }) } };
  const published: StatusInput['publication'] = { kind: 'published', document: standing(document(60, 1)) };
  const whole = { claim: { kind: 'duplicate', winner: 'default/older' }, publication: held('BrokerRefused') } as const;

  it.each<[what: string, parts: Partial<StatusInput>, conditions: string]>([
    ['whose it is', { ...whole, device: device({ disabled: true, ...rejected }) }, 'False/DuplicateDeviceId'],
    [
      'that it is not published',
      { publication: held('BrokerRefused'), device: device({ disabled: true }) },
      'False/BrokerRefused False/BrokerRefused False/Disabled Reconciling',
    ],
    [
      'that it is too large',
      { publication: held('TooLarge'), device: device({ desired: rate(60) }) },
      'False/TooLarge False/TooLarge False/NeverSeen Stalled',
    ],
    [
      'that the broker does not keep it',
      { publication: held('NotRetained'), device: device({ desired: rate(60) }) },
      'False/NotRetained False/NotRetained False/NeverSeen Reconciling',
    ],
    [
      'that nothing is desired',
      { publication: published, device: device({ disabled: true }) },
      'True/NoDesired True/NoDesired False/Disabled',
    ],
    [
      'that it is disabled',
      { device: device({ desired: rate(60), disabled: true, ...rejected }) },
      'True/Disabled False/Disabled False/Disabled',
    ],
    [
      'that a message is rejected',
      { device: device({ desired: rate(60), ...rejected }) },
      'False/Rejected False/Rejected False/NeverSeen Stalled',
    ],
    ['that a message waits', {}, 'True/Published False/Pending False/NeverSeen'],
    ['that it flaps', { presence: online, isFlapping: true }, 'True/Published False/Pending True/Flapping'],
    ['how the device is', { presence: online }, 'True/Published False/Pending True/Birth'],
  ])('first comes %s', (_what, parts, conditions) => {
    const said = (statusOf(parts).conditions ?? []).map(({ type, status, reason }) =>
      type === 'Stalled' || type === 'Reconciling' ? type : `${status}/${reason}`,
    );
    expect(said.join(' ')).toContain(conditions);
  });

  it('an unpublished change is told once it stalls, also when no message is to blame', () => {
    const status = statusOf({ publication: held('RevisionsExhausted') });
    expect(transitionEvents(undefined, status).map(({ reason }) => reason)).toEqual(['RevisionsExhausted']);
  });
});
