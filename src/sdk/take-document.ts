import { canonicalJson } from '../protocol/canonical.ts';
import type { DesiredDocument, DesiredEntry } from '../protocol/envelopes.ts';
import type { Entries, StoredEntry } from './store.ts';

/** What a desired document changes on a device. */
export interface Taken {
  /** To be stored before anything else is done; the same object as before when nothing changed. */
  readonly entries: Entries;
  /** Names whose value is new: to be acknowledged and given to their handlers. */
  readonly changed: readonly string[];
  /** Names that have a new uid or revision and the value they had: to be acknowledged only. */
  readonly confirmed: readonly string[];
  /** Names that the document does not have any more. */
  readonly dropped: readonly string[];
}

/** Takes an entry when its uid differs from the stored one or its revision is greater. Clocks are never compared. */
export function takeDocument(stored: Entries, document: DesiredDocument): Taken {
  const nothing: Taken = { entries: stored, changed: [], confirmed: [], dropped: [] };
  // Cut off, not told to forget: like a deleted object, a disabled one leaves the device with what it has.
  if (document.disabled) return nothing;

  const entries = new Map<string, StoredEntry>();
  const changed: string[] = [];
  const confirmed: string[] = [];
  for (const [name, entry] of Object.entries(document.messages)) {
    const before = stored.get(name);
    const after = takeEntry(before, entry, document.owner.uid);
    entries.set(name, after);
    if (after === before) continue;
    if (after.value === before?.value) confirmed.push(name);
    else changed.push(name);
  }
  const dropped = [...stored.keys()].filter((name) => !entries.has(name));
  return changed.length + confirmed.length + dropped.length === 0 ? nothing : { entries, changed, confirmed, dropped };
}

function takeEntry(before: StoredEntry | undefined, entry: DesiredEntry, uid: string): StoredEntry {
  const { revision, value } = entry;
  if (before === undefined) return { uid, revision, value, status: 'accepted' };
  if (before.uid === uid && revision <= before.revision) return before;
  const isSame = canonicalJson(before.value) === canonicalJson(value);
  return isSame ? { ...before, uid, revision } : { uid, revision, value, status: 'accepted' };
}
