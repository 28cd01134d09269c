import type { Body } from '../http/body.ts';
import type { Registry } from '../registry/registry.ts';
import type { ResourceType } from '../registry/resource-type.ts';
import type { Stored } from '../storage/collection.ts';
import type { Store } from '../storage/store.ts';

/** What every handler works on. */
export interface Api {
  readonly store: Store;
  readonly registry: Registry;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** One request about a known resource. */
export interface Call {
  readonly api: Api;
  readonly type: ResourceType;
  readonly namespace: string | undefined;
  /** Absent when the request is about the collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
  readonly body: Body;
  /** Names who writes, unless the query does. */
  readonly userAgent: string;
  /** Sent as Warning headers; handlers add to it. */
  readonly warnings: string[];
}

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** What a handler answers; the server shows objects and lists in the form that was asked for. */
export type Answer =
  | { readonly code: number; readonly object: Pick<Stored, 'json'> }
  | {
      readonly code: number;
      readonly list: { readonly items: readonly Pick<Stored, 'json'>[]; readonly meta: ListMeta };
    }
  | { readonly code: number; readonly document: object };
