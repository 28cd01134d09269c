/** Which group versions are served by another server, and where that is. */
import type { Api } from '../handlers/call.ts';
import { isObject, textAt, valueAt } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';
import { apiServiceType, endpointSliceType } from '../registry/builtin/aggregation-types.ts';
import { parseStored } from '../storage/store.ts';

export interface Backend {
  /** Name of the APIService. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly service: { readonly namespace: string; readonly name: string };
  /** PEM; `''`: none yet. */
  readonly ca: string;
  /** Undefined: the Service has no endpoints. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
}

export function backendsOf(api: Api): Backend[] {
  return delegating(api).map((apiService) => backendOf(api, apiService));
}

/** For `/apis/<group>/<version>/…`; undefined: this server's own. */
export function backendFor(api: Api, path: string): Backend | undefined {
  const [, root, group, version] = path.split('/');
  if (root !== 'apis') return undefined;
  const found = delegating(api).find(
    (apiService) => textAt(apiService, 'spec.group') === group && textAt(apiService, 'spec.version') === version,
  );
  return found === undefined ? undefined : backendOf(api, found);
}

/** APIServices that name a Service. */
function delegating(api: Api): KubeObject[] {
  return [...api.store.collection(apiServiceType.id).range('', '')]
    .map((stored) => parseStored(stored))
    .filter((apiService) => isObject(valueAt(apiService, 'spec.service')));
}

function backendOf(api: Api, apiService: KubeObject): Backend {
  const service = {
    namespace: textAt(apiService, 'spec.service.namespace'),
    name: textAt(apiService, 'spec.service.name'),
  };
  return {
    name: apiService.metadata.name ?? '',
    group: textAt(apiService, 'spec.group'),
    version: textAt(apiService, 'spec.version'),
    service,
    ca: Buffer.from(textAt(apiService, 'spec.caBundle'), 'base64').toString('utf8'),
    address: addressOf(api, service),
  };
}

function addressOf(api: Api, { namespace, name }: Backend['service']): Backend['address'] {
  for (const stored of api.store.collection(endpointSliceType.id).range(`${namespace}/`, '')) {
    const slice = parseStored(stored);
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== name) continue;
    const host = firstOf(valueAt(firstOf(slice['endpoints']), 'addresses'));
    const port = valueAt(firstOf(slice['ports']), 'port');
    if (typeof host === 'string' && host !== '' && typeof port === 'number') return { host, port };
  }
  return undefined;
}

function firstOf(list: KubeObject[string] | undefined): KubeObject[string] | undefined {
  return Array.isArray(list) ? list[0] : undefined;
}
