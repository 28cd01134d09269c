import type { Decision } from '../protocol/envelopes.ts';
import type { MessageValue } from './store.ts';

/** What a device tells of itself, for logs. */
export type DeviceEvent =
  | { readonly kind: 'online'; readonly session: string }
  | { readonly kind: 'offline'; readonly reason: string; readonly retryInMs: number }
  /** A new desired value was stored. */
  | { readonly kind: 'desired'; readonly message: string; readonly revision: number; readonly value: MessageValue }
  /** Its handler has decided. */
  | {
      readonly kind: 'decided';
      readonly message: string;
      readonly revision: number;
      readonly status: Decision;
      readonly reason: string | undefined;
    }
  /** The twin no longer desires it. */
  | { readonly kind: 'dropped'; readonly message: string }
  /** Another process says it is this device. */
  | { readonly kind: 'duplicate'; readonly session: string | undefined }
  | { readonly kind: 'failed'; readonly what: string; readonly reason: string };

/** An event as a line for people. */
export function describeEvent(event: DeviceEvent): string {
  switch (event.kind) {
    case 'online':
      return 'online';
    case 'offline':
      return `offline: ${event.reason}; next attempt in ${event.retryInMs} ms`;
    case 'desired':
      return `desired ${event.message} revision ${event.revision}: ${JSON.stringify(event.value)}`;
    case 'decided': {
      const why = event.reason === undefined ? '' : `: ${event.reason}`;
      return `${event.status} ${event.message} revision ${event.revision}${why}`;
    }
    case 'dropped':
      return `${event.message} is no longer desired`;
    case 'duplicate':
      return `another process says it is this device, session ${event.session ?? 'unknown'}; stop one of them`;
    case 'failed':
      return `${event.what} failed: ${event.reason}`;
    default:
      return event satisfies never;
  }
}
