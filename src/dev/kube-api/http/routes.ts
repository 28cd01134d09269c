/** Everything that is served other than resources: health, version, discovery, OpenAPI. */
import type { Aggregated } from '../aggregation/aggregator.ts';
import {
  aggregated,
  coreVersions,
  groupBehind,
  groupDocument,
  groupList,
  resourceList,
} from '../discovery/discovery.ts';
import { openApiDocument, openApiIndex, openApiV2Document } from '../discovery/openapi-documents.ts';
import { encodeOpenApiV2, OPENAPI_V2_ACCEPTED, OPENAPI_V2_PROTOBUF } from '../discovery/openapi-v2-protobuf.ts';
import { notAcceptable } from '../errors.ts';
import type { Registry } from '../registry/registry.ts';
import { parseAccept } from './negotiation.ts';
import { jsonReply, textReply } from './reply.ts';
import type { Reply } from './reply.ts';

export interface RouteContext {
  readonly registry: Registry;
  readonly accept: string | undefined;
  /** `host:port` */
  readonly address: string;
  /** Of the servers behind this one. */
  readonly behind: Aggregated;
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** kubectl chooses its behaviour by this version: the one whose API this server speaks. */
const VERSION = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0+mir-embedded',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
};

/** Answered without authentication, as probes expect. */
export function publicRoute(path: string): Reply | undefined {
  if (/^\/(healthz|livez|readyz)(\/|$)/.test(path)) return textReply(200, 'ok');
  return path === '/version' || path === '/version/' ? jsonReply(200, VERSION) : undefined;
}

/** Undefined when the path is none of these. */
export function documentRoute(path: string, { registry, accept, address, behind }: RouteContext): Reply | undefined {
  const steps = path.split('/').filter((step) => step !== '');
  const [root, ...rest] = steps;
  if (path === '/')
    return jsonReply(200, {
      paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version'],
    });
  if (root === 'openapi') return openApi(rest, { registry, accept, behind });
  if ((root === 'api' || root === 'apis') && rest.length === 0)
    return rootDiscovery(root, { registry, accept, address, behind });
  if (root === 'api' && rest.length === 1) return found(resourceList(registry, { group: '', version: rest[0] ?? '' }));
  if (root === 'apis' && rest.length === 1)
    return found(groupDocument(registry, rest[0] ?? '') ?? groupBehind(behind.groupVersions, rest[0] ?? ''));
  if (root === 'apis' && rest.length === 2) {
    return found(resourceList(registry, { group: rest[0] ?? '', version: rest[1] ?? '' }));
  }
  return undefined;
}

function rootDiscovery(root: 'api' | 'apis', { registry, accept, address, behind }: RouteContext): Reply {
  const wantsAll = parseAccept(accept).some(
    ({ parameters }) => parameters['as'] === 'APIGroupDiscoveryList' && parameters['v'] === 'v2',
  );
  if (wantsAll) return jsonReply(200, aggregated(registry, root, root === 'api' ? [] : behind.discovery), AGGREGATED);
  return jsonReply(200, root === 'api' ? coreVersions(address) : groupList(registry, behind.groupVersions));
}

function openApi(
  [version, ...steps]: readonly string[],
  { registry, accept, behind }: Omit<RouteContext, 'address'>,
): Reply | undefined {
  if (version === 'v2') return steps.length === 0 ? openApiV2(registry, accept, behind) : undefined;
  if (version !== 'v3') return undefined;
  const [root, first, second] = steps;
  if (root === undefined) return jsonReply(200, openApiIndex(registry, behind.openApiPaths));
  if (root === 'api' && steps.length === 2)
    return found(openApiDocument(registry, { group: '', version: first ?? '' }));
  if (root !== 'apis' || steps.length !== 3) return undefined;
  return found(openApiDocument(registry, { group: first ?? '', version: second ?? '' }));
}

/** Of the forms that are asked for, the first that there is. */
function openApiV2(registry: Registry, accept: string | undefined, { openApiV2: behind }: Aggregated): Reply {
  for (const { type } of parseAccept(accept)) {
    if (OPENAPI_V2_ACCEPTED.includes(type)) {
      return {
        code: 200,
        contentType: OPENAPI_V2_PROTOBUF,
        text: encodeOpenApiV2(openApiV2Document(registry, behind)),
      };
    }
    if (['application/json', 'application/*', '*/*'].includes(type))
      return jsonReply(200, openApiV2Document(registry, behind));
  }
  throw notAcceptable(['application/json', ...OPENAPI_V2_ACCEPTED]);
}

function found(document: object | undefined): Reply | undefined {
  return document === undefined ? undefined : jsonReply(200, document);
}
