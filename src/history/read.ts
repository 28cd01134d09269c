/** What is stored as a history, as one: whoever may edit the object may have made anything of it. */
import { isJsonObject } from '../api/exact-json.ts';
import type { DeviceHistory, RecordedChange } from '../api/history.ts';

/** Without what is none of a history. A change that lacks what every change has is dropped, and what is not told is not recorded. */
export function readHistory(stored: DeviceHistory): DeviceHistory {
  const { device, recorded, changes }: Partial<DeviceHistory> = stored;
  const isOfDevice = typeof device?.uid === 'string' && typeof device.generation === 'number' && recorded !== undefined;
  return {
    ...stored,
    // Of generation 0 nothing is recorded.
    device: isOfDevice ? device : { uid: device?.uid ?? '', deviceId: device?.deviceId ?? '', generation: 0 },
    recorded: isOfDevice ? recorded : {},
    changes: (changes ?? []).flatMap((change) => readChange(change)),
  };
}

function readChange(change: Partial<RecordedChange>): RecordedChange[] {
  const { revision, time, author, authorKind, outcome, messages, disabled, ...rest } = change;
  if (revision === undefined || time === undefined || author === undefined || authorKind === undefined) return [];
  return [
    {
      ...rest,
      revision,
      time,
      author,
      authorKind,
      outcome: typeof outcome?.state === 'string' ? outcome : { state: 'Pending' },
      ...(isJsonObject(disabled) && { disabled }),
      ...(messages !== undefined && { messages: onlyObjects(messages) }),
    },
  ];
}

function onlyObjects(messages: NonNullable<RecordedChange['messages']>): NonNullable<RecordedChange['messages']> {
  return Object.fromEntries(Object.entries(messages).filter(([, change]) => isJsonObject(change)));
}
