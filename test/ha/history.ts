/** What really happened, read from the API server's audit log, and judged by the rules of the Lease. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Something that only the leader may do. */
export interface Action {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: string;
  readonly what: string;
}

export interface History {
  /** Successful writes of the Lease, when they were answered. */
  readonly renewals: readonly Action[];
  /** Successful writes of a status, when they were asked for. */
  readonly statusWrites: readonly Action[];
}

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

const CREDENTIAL = 'authentication.kubernetes.io/credential-id';

/** Reads the audit logs in `folder`; `replicas` names who holds which token, by its `jti`. */
export function readHistory(folder: string, replicas: ReadonlyMap<string, string>): History {
  const renewals: Action[] = [];
  const statusWrites: Action[] = [];
  for (const line of readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))) {
    if (line === '') continue;
    const { verb, user, objectRef, responseStatus, ...times } = JSON.parse(line) as AuditEvent;
    const by = replicas.get(user.extra?.[CREDENTIAL]?.[0]?.replace('JTI=', '') ?? '');
    if (by === undefined || (responseStatus?.code ?? 500) >= 300) continue;
    const { resource, subresource, namespace = '', name = '' } = objectRef ?? {};
    const what = `${verb} ${namespace}/${name}`;
    if (resource === 'leases' && (verb === 'create' || verb === 'update'))
      renewals.push({ at: Date.parse(times.stageTimestamp), by, what });
    if (resource === 'devices' && subresource === 'status')
      statusWrites.push({ at: Date.parse(times.requestReceivedTimestamp), by, what });
  }
  return { renewals: inOrder(renewals), statusWrites: inOrder(statusWrites) };
}

const inOrder = (actions: readonly Action[]): Action[] => actions.toSorted((one, other) => one.at - other.at);

/**
 * Actions of somebody who did not hold the Lease: who acts must have written it last, and no longer ago than it lasts. Both lists in
 * order; two in one millisecond count for whoever acts.
 */
export function intrusions(renewals: readonly Action[], actions: readonly Action[], leaseMs: number): string[] {
  const found: string[] = [];
  let next = 0;
  let holder: Action | undefined;
  for (const { at, by, what } of actions) {
    for (let renewal = renewals[next]; renewal !== undefined && renewal.at < at; renewal = renewals[next]) {
      holder = renewal;
      next += 1;
    }
    const isRenewedNow = renewals.slice(next).some((one) => one.at === at && one.by === by);
    if (isRenewedNow || (holder?.by === by && at - holder.at <= leaseMs)) continue;
    const whose = holder === undefined ? 'nobody' : `${holder.by}, renewed ${at - holder.at} ms before`;
    found.push(`${new Date(at).toISOString()} ${by}: ${what}, in the term of ${whose}`);
  }
  return found;
}

/** Milliseconds from `at` until another than `former` wrote the Lease; undefined: nobody did. */
export function takeoverMs(renewals: readonly Action[], at: number, former: string): number | undefined {
  const first = renewals.find((renewal) => renewal.at >= at && renewal.by !== former);
  return first === undefined ? undefined : first.at - at;
}
