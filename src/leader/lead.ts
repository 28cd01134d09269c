import { runElection } from '../kube/lease.ts';
import type { LeaseTerm } from '../kube/lease.ts';
import { createBroker } from '../mqtt/connection.ts';
import type { ConnectionDeps } from '../mqtt/connection.ts';
import { forgetFleet, tellFleet } from '../telemetry/fleet.ts';
import type { CountedDevices } from '../telemetry/fleet.ts';
import { leaseNamespaceOf } from './lease-namespace.ts';
import type { Home } from './lease-namespace.ts';
import { brokerClientId, brokerOptions } from './broker-options.ts';
import { Term } from './term.ts';
import type { TermPorts } from './term.ts';

/** What an operator leads with; it outlives its terms. */
export interface LeadPorts extends Omit<TermPorts, 'broker' | 'names'> {
  readonly place: Place;
  readonly counted: CountedDevices;
}

/** Where an operator stands, and as whom. */
interface Place {
  readonly cluster: string;
  /** The name of this replica in the election. */
  readonly identity: string;
  readonly home: Home;
}

/** Leads whenever this replica is elected, or at once where there is no election, until `signal` aborts. */
export async function leadWhenElected(ports: LeadPorts, signal: AbortSignal): Promise<void> {
  const { config, client, place, runtime, telemetry } = ports;
  const { metrics, health } = telemetry;
  const onLeading = (isLeading: boolean): void => metrics.leader.set({ name: config.leaseName }, isLeading ? 1 : 0);
  if (!config.leaderElection) {
    onLeading(true);
    return lead(ports, { signal, renewNow: () => Promise.resolve(), isHeld: () => true }, 'standalone');
  }
  const namespace = leaseNamespaceOf(config, place.home);
  const onProgress = health.loop('election', 120_000, signal);
  const { clock, log } = runtime;
  await runElection(
    {
      client,
      lease: { namespace, name: config.leaseName },
      identity: place.identity,
      clock,
      log,
      onProgress,
      onLeading,
    },
    (lease) => lead(ports, lease, `${namespace}/${config.leaseName}`),
    signal,
  );
}

/** One term: connects the broker, does the work of a leader, and takes all of it down again when the Lease is lost. */
async function lead(ports: LeadPorts, lease: LeaseTerm, installation: string): Promise<void> {
  const { config, client, counted, runtime, telemetry } = ports;
  const { cluster } = ports.place;
  const { metrics } = telemetry;
  const clientId = brokerClientId(config, cluster, installation);
  const onFailure: ConnectionDeps['onFailure'] = (reason) => metrics.brokerFailures.inc({ reason });
  const broker = createBroker(brokerOptions(config, clientId, lease), { ...runtime, onFailure });
  tellFleet(metrics, counted, lease.signal);
  try {
    const fenced = client.fenced(() => lease.isHeld());
    await new Term({ ...ports, names: { cluster, clientId }, client: fenced, broker }).run(lease.signal);
  } finally {
    forgetFleet(metrics);
  }
}
