/**
 * OpenAPI documents, made of the CRD's own file: to fetch them from the API server within its own request for them would be to wait for
 * oneself.
 */
import { createHash } from 'node:crypto';
import { MIR_API_VERSION } from './mir-shape.ts';
import { toOpenApiV2 } from '../openapi/v2.ts';
import type { OpenApiV3 } from '../openapi/v2.ts';
import { openApiV3 } from '../openapi/v3.ts';
import { mirDefinition } from './definition.ts';

export interface StaticDocument {
  readonly text: string;
  readonly etag: string;
}

const V3_PATH = `apis/${MIR_API_VERSION}`;
const OWN_PREFIX = 'mir.v1alpha.';

/** `/openapi/v3/apis/mir/v1alpha` */
export function openApiV3Document(): StaticDocument {
  return staticDocument(v3());
}

/** `/openapi/v3` */
export function openApiV3Index(): StaticDocument {
  const hash = openApiV3Document().etag.replaceAll('"', '');
  return staticDocument({ paths: { [V3_PATH]: { serverRelativeURL: `/openapi/v3/${V3_PATH}?hash=${hash}` } } });
}

/** `/openapi/v2`: own definitions only, because the API server has those of metadata, and would call a second one of each something else. */
export function openApiV2Document(): StaticDocument {
  const { definitions, ...rest } = toOpenApiV2([v3()]);
  const own = Object.entries(definitions).filter(([name]) => name.startsWith(OWN_PREFIX));
  return staticDocument({ ...rest, definitions: Object.fromEntries(own) });
}

function v3(): OpenApiV3 {
  return openApiV3(mirDefinition(), MIR_API_VERSION.split('/')[1] ?? '') as OpenApiV3;
}

function staticDocument(document: object): StaticDocument {
  const text = JSON.stringify(document);
  return { text, etag: `"${createHash('sha256').update(text).digest('hex').toUpperCase()}"` };
}
