/** What the operator needs of an API server. Implemented over undici in `http-client.ts`. */

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export type PatchType =
  | 'application/merge-patch+json'
  | 'application/json-patch+json'
  | 'application/apply-patch+yaml'
  | 'application/strategic-merge-patch+json';

export interface KubeList<T> {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly T[];
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: { readonly metadata: { readonly resourceVersion: string } } }
  | { readonly type: 'ERROR'; readonly object: StatusBody };

/** `kind: Status` as an API server answers errors. */
export interface StatusBody {
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

export interface KubeClient {
  /** Paths are absolute (`/apis/iot.mir/v1alpha/devices`); every method rejects with ApiError or, when nothing was answered, TransportError. */
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>;
  /** The same LIST with the metadata of each object alone, which costs neither side the rest. */
  listMetadata<T>(path: string, query?: Query, signal?: AbortSignal): Promise<KubeList<T>>;
  create<T>(path: string, body: unknown, query?: Query, signal?: AbortSignal): Promise<T>;
  replace<T>(path: string, body: unknown, query?: Query, signal?: AbortSignal): Promise<T>;
  patch<T>(path: string, type: PatchType, body: unknown, query?: Query, signal?: AbortSignal): Promise<T>;
  delete<T>(path: string, body?: unknown, query?: Query, signal?: AbortSignal): Promise<T>;
  /** Yields events until the server ends the watch or `signal` aborts; a line cut in the middle rejects with TransportError. */
  watch<T>(path: string, query: Query, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  /** The same client, which sends no write at a moment at which `mayWrite` says no: the write rejects. */
  fenced(mayWrite: () => boolean): KubeClient;
  close(): Promise<void>;
}
