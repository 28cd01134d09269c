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
  | { readonly kind: 'dropped'; readonly message: string }
  /** Another process says it is this device. */
  | { readonly kind: 'duplicate'; readonly session: string | undefined }
  | { readonly kind: 'failed'; readonly what: string; readonly reason: string };
