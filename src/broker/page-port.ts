import type { RefusedFilters } from './broker.ts';

/** The two packets of a page. */
export interface PagePort {
  /** Resolves with the filters that the broker does not grant. */
  subscribe(filters: readonly string[], qos: 0 | 1): Promise<RefusedFilters>;
  unsubscribe(filters: readonly string[], qos: 0 | 1): Promise<void>;
}
