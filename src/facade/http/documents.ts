/** Everything that is served other than devices. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mediaTypes } from './media-types.ts';
import { aggregated, group, groupList, resourceList } from '../../mir-shape/discovery.ts';
import { openApiV2Document, openApiV3Document, openApiV3Index } from '../../mir-shape/openapi.ts';
import type { StaticDocument } from '../../mir-shape/openapi.ts';

/** False: the path is none of these. */
export function serveDocument(request: IncomingMessage, response: ServerResponse, path: string): boolean {
  const make = ROUTES[path.length > 1 ? path.replace(/\/$/, '') : path];
  if (make === undefined) return false;
  const { text, contentType, etag } = make(request.headers.accept);
  const isKnown = etag !== undefined && request.headers['if-none-match'] === etag;
  response.writeHead(isKnown ? 304 : 200, {
    'cache-control': 'no-cache, private',
    vary: 'Accept',
    ...(etag !== undefined && { etag }),
    ...(!isKnown && { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }),
  });
  response.end(isKnown || request.method === 'HEAD' ? undefined : text);
  return true;
}

interface Document {
  readonly text: string;
  readonly contentType: string;
  readonly etag?: string;
}

const json = (document: object, contentType = 'application/json'): Document => ({
  text: JSON.stringify(document),
  contentType,
});

/** Made when they are first asked for, and kept. */
function kept(make: () => StaticDocument): () => Document {
  let document: StaticDocument | undefined;
  return () => {
    document ??= make();
    return { ...document, contentType: 'application/json' };
  };
}

const ROUTES: Readonly<Record<string, ((accept: string | undefined) => Document) | undefined>> = {
  '/': () => json({ paths: Object.keys(ROUTES) }),
  '/apis': discovery,
  '/apis/mir': () => json(group),
  '/apis/mir/v1alpha': () => json(resourceList),
  '/openapi/v2': kept(openApiV2Document),
  '/openapi/v3': kept(openApiV3Index),
  '/openapi/v3/apis/mir/v1alpha': kept(openApiV3Document),
};

const AGGREGATED = ['v2', 'v2beta1'];

function discovery(accept: string | undefined): Document {
  for (const { parameters } of mediaTypes(accept)) {
    if (!parameters.includes('as=APIGroupDiscoveryList')) continue;
    const version = AGGREGATED.find((one) => parameters.includes(`v=${one}`));
    if (version !== undefined && parameters.includes('g=apidiscovery.k8s.io'))
      return json(aggregated(version), `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`);
  }
  return json(groupList);
}
