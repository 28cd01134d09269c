import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../broker/broker.ts';
import type { DeviceStatus } from '../api/device.ts';
import { heldProblem } from '../document/broker-copy.ts';
import { DeviceMemory } from '../twin/device-memory.ts';
import { PageIntake } from './page-intake.ts';

const STATUS: DeviceStatus = { observedGeneration: 1 };

/** The pages of one device, `sensor-01`, and what they bring about, in order. */
function setUp({
  isOwned = true,
  status = undefined as DeviceStatus | undefined,
  shortcoming = undefined as string | undefined,
} = {}) {
  const memory = new DeviceMemory('sensor-01', status);
  const said: string[] = [];
  const wake = {
    desired: () => said.push('desired'),
    changed: () => said.push('changed'),
    status: () => said.push('status'),
    object: () => said.push('object'),
    page: () => said.push('page'),
    schema: () => said.push('schema'),
    ask: () => said.push('ask'),
    clear: () => said.push('clear'),
  };
  if (isOwned) {
    memory.takeOwnership({ key: 'default/sensor', uid: 'uid-1', isDisabled: false, desiredNames: [] });
    memory.status.noteStatus(status);
  }
  const intake = new PageIntake({
    broker: { findings: { shortcoming } },
    wake,
    refusals: {
      accepted: (deviceId, what) => said.push(`accepted ${what} of ${deviceId}`),
      pageRefused: (_memory, { message }) => said.push(`refused: ${message}`),
    },
    requests: { onRead: ({ copy }) => said.push(`requests told, ${copy.isRead ? 'read' : 'unread'}`) },
    schemas: { want: () => said.push('schema wanted') },
  });
  /** A page that shows `documents`; what is said of it. */
  const read = (...documents: string[]): string[] => {
    said.length = 0;
    intake.onBegan(memory);
    for (const payload of documents) memory.stepCopy({ kind: 'shown', payload });
    intake.onRead(memory);
    return [...said];
  };
  return { memory, intake, said, read };
}

/** `wakes`: what the broker's copy asks for. */
const told = (wakes: string, isRead: boolean): string[] => [
  'accepted page of sensor-01',
  wakes,
  `requests told, ${isRead ? 'read' : 'unread'}`,
  'schema wanted',
];

describe('the end of a page', () => {
  it('lets the copy be believed before those who wait for the page are told', () => {
    const { memory, read } = setUp();
    expect(read('{}')).toEqual(told('desired', true));
    expect(memory.copy).toMatchObject({ isRead: true, page: 'shown', standing: { payload: '{}' } });
    expect(memory.retained.isBelieved).toBe(false);
  });

  it.each([
    ['of an object that never had a status is enough to see that nothing stands', true, undefined, 'desired', true],
    ['of an id without an object is enough too', false, undefined, 'desired', true],
    ['lacks what the status tells of: it is read again', true, STATUS, 'page', false],
    ['of an id without an object tells of nothing, whatever its memory began with', false, STATUS, 'desired', true],
  ])('without a document %s', (_name, isOwned, status, wakes, isRead) => {
    const { memory, read } = setUp({ isOwned, status });
    expect(read()).toEqual(told(wakes, isRead));
    expect(memory.retained.isBelieved).toBe(!isRead);
  });

  it('believes the second page that lacks what the status tells of', () => {
    const { read } = setUp({ status: STATUS });
    read();
    expect(read()).toEqual(told('desired', true));
  });

  it('says on the twin what the broker cannot do, when it lost what it had acknowledged', () => {
    const { memory, read } = setUp({ shortcoming: 'it keeps nothing' });
    read();
    memory.stepCopy({ kind: 'publishBegan', payload: '{}' });
    memory.stepCopy({ kind: 'publishAcked', isStoreProven: true });
    read();
    read();
    expect(heldProblem(memory.copy)?.message).toMatch(/does not show it; it keeps nothing$/);
  });

  it('counts the reports of a page anew', () => {
    const { memory, read } = setUp();
    memory.retained.noteAnnounced(['a', 'b']);
    read('{}');
    expect(memory.retained.takeIncomplete()).toEqual([]);
  });
});

describe('a page that is refused', () => {
  it('proves nothing, and a device may have come all the same', () => {
    const { memory, intake, said } = setUp();
    intake.onBegan(memory);
    intake.onRefused(memory, new BrokerError('refused', 'not authorised'));
    expect(said).toEqual(['refused: not authorised', 'schema wanted']);
    expect(memory.copy.isRead).toBe(false);
    expect(memory.retained.isBelieved).toBe(true);
  });
});
