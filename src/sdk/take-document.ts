import { canonicalJson } from '../protocol/canonical.ts';
import type { DesiredEntry } from '../protocol/envelopes.ts';
import type { ReadDocument } from './codec.ts';
import type { Entries, MessageValue, StoredEntry } from './store.ts';

/** What a desired document changes on a device. */
export interface Taken {
  /** To be stored before anything else is done. Empty when nothing changed. */
  readonly changes: Entries;
  /** Names whose value is new: to be acknowledged and given to their handlers. */
  readonly changed: readonly string[];
  /** Names that have a new uid or revision and the value they had: to be acknowledged only. */
  readonly confirmed: readonly string[];
  /** Names that the document does not have any more. */
  readonly withdrawn: readonly string[];
}

/** Takes an entry when its uid differs from the stored one or its revision is greater. Clocks are never compared. */
export function takeDocument(stored: Entries, document: ReadDocument): Taken {
  const changes = new Map<string, StoredEntry>();
  const taken = { changes, changed: [] as string[], confirmed: [] as string[], withdrawn: [] as string[] };
  // Cut off, not told to forget: like a deleted object, a disabled one leaves the device with what it has (decision 0006).
  if (document.disabled) return taken;

  for (const [name, entry] of Object.entries(document.messages)) {
    const before = stored.get(name);
    const after = takeEntry(before, entry, document.owner.uid);
    if (after === before) continue;
    changes.set(name, after);
    if (after.value === before?.value) taken.confirmed.push(name);
    else taken.changed.push(name);
  }
  for (const [name, entry] of stored) {
    const isNamed = Object.hasOwn(document.messages, name) || Object.hasOwn(document.refused ?? {}, name);
    if (entry.withdrawn === true || isNamed) continue;
    changes.set(name, { ...entry, withdrawn: true });
    taken.withdrawn.push(name);
  }
  return taken;
}

function takeEntry(before: StoredEntry | undefined, entry: DesiredEntry, uid: string): StoredEntry {
  const { revision, value } = entry;
  const fresh: StoredEntry = { uid, revision, value, decision: 'accepted' };
  if (before === undefined || before.withdrawn === true) return fresh;
  if (before.uid === uid && revision <= before.revision) return before;
  const isSame = canonicalJson(before.value) === canonicalJson(value);
  if (isSame) return { ...before, uid, revision };
  const inEffect = effectOf(before);
  return { ...fresh, ...(inEffect !== undefined && { inEffect }) };
}

/** What is carried out once and for all leaves nothing in effect (decision 0049). */
function effectOf({ decision, value, done, inEffect }: StoredEntry): MessageValue | undefined {
  if (decision !== 'applied') return inEffect;
  return done === true ? undefined : value;
}
