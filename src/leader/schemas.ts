import type { Device } from '../api/device.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Runtime } from '../base/runtime.ts';
import type { Broker } from '../broker/broker.ts';
import type { Informed } from '../cache/informer.ts';
import type { Config } from '../config/load.ts';
import type { KubeClient } from '../kube/client.ts';
import { SchemaCollector } from '../schema-registry/collector.ts';
import { SchemaKeeper } from '../schema-registry/keeper.ts';
import { Schemas } from '../schema-registry/registry.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { TwinObserver } from '../twin/observer.ts';
import type { Wake } from '../twin/wake.ts';

interface Ports {
  readonly config: Config;
  readonly devices: Informed<Device>;
  readonly schemas: Pick<Informed<SchemaObject>, 'lister'>;
  readonly client: KubeClient;
  readonly broker: Broker;
  readonly runtime: Runtime;
}

interface Parts {
  readonly fleet: Fleet;
  readonly wake: Wake;
  readonly observer: TwinObserver;
}

/** What removes schemas that nobody uses; undefined while only one namespace is watched: whether others use one cannot be known. */
export function createCollector(
  { config, devices, schemas, client, runtime }: Ports,
  fleet: Fleet,
  signal: AbortSignal,
): SchemaCollector | undefined {
  if (config.namespace !== undefined) return undefined;
  const graceMs = config.schemaGraceHours * 3_600_000;
  return new SchemaCollector(
    { schemas: schemas.lister, devices: devices.lister, fleet, client, runtime, graceMs },
    signal,
  );
}

/** What asks devices for their schemas, keeps them, and says which device has which. */
export function createSchemas(
  { config, schemas: { lister: schemas }, client, broker, runtime }: Ports,
  { fleet, wake, observer }: Parts,
  collector: SchemaCollector | undefined,
  signal: AbortSignal,
): Schemas {
  const { maxSchemas } = config;
  const keeper = new SchemaKeeper({ schemas, client, runtime, maxSchemas, collector }, signal);
  return new Schemas({ schemas, fleet, broker, keeper, runtime, wake, observer });
}
