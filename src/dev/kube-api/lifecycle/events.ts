/** Events are forgotten an hour after they last happened, as kube-apiserver does by default. */
import type { Api } from '../handlers/call.ts';
import { eventType, lastSeen } from '../registry/builtin/event.ts';
import { parseStored } from '../storage/store.ts';

const TIME_TO_LIVE_MS = 3_600_000;
const SWEEP_INTERVAL_MS = 60_000;

/** Runs until `signal` aborts; does not keep the process alive. */
export function expireEvents(api: Api, signal: AbortSignal): void {
  const timer = setInterval(() => removeExpired(api), SWEEP_INTERVAL_MS);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

function removeExpired({ store, now }: Api): void {
  // All are read before the first is removed: a range does not stand still while it is changed.
  const events = Array.from(store.collection(eventType.id).range('', ''), parseStored);
  const expired = events.filter((event) => now() - (lastSeen(event) ?? 0) > TIME_TO_LIVE_MS);
  for (const event of expired) store.remove(eventType.id, event);
}
