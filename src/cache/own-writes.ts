import type { Cached } from './lister.ts';
import type { Change } from './reflector.ts';
import { keyOf } from './store.ts';
import type { Store } from './store.ts';

/**
 * Takes the answer to a write of our own into the store, so that the next look does not see an older object.
 *
 * The answer holds the whole object, and with it what others changed a moment before; the watch, whose events are older than the
 * answer then, does not tell that again. So it is told here: `onChange` is called when the generation moved.
 */
export function observeWrite<T extends Cached>(
  store: Store<T>,
  object: T,
  onChange: (change: Change<T>) => void,
): void {
  const key = keyOf(object);
  const before = store.facts(key)?.generation;
  if (store.observe(object) === undefined || store.facts(key)?.generation === before) return;
  onChange({ kind: 'updated', key, object, isGenerationMoved: true, isRelisted: false });
}
