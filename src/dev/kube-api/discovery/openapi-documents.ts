/** `/openapi/v3`: an index, and a document for each group version made of those of its resources. `/openapi/v2`: all of them in one. */
import { createHash } from 'node:crypto';
import { openApiV3 } from '../crd/index.ts';
import type { Crd } from '../crd/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { GroupVersion } from './discovery.ts';
import { toOpenApiV2 } from '../../../openapi/v2.ts';
import type { OpenApiV2, OpenApiV3 } from '../../../openapi/v2.ts';

/** The index; the hash lets kubectl keep a document until it changes. */
export function openApiIndex(registry: Registry, behind: Readonly<Record<string, unknown>>): object {
  const entries = registry.groupVersions().map((groupVersion) => {
    const path = pathOf(groupVersion);
    const text = JSON.stringify(openApiDocument(registry, groupVersion));
    const hash = createHash('sha512').update(text).digest('hex').toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: { ...Object.fromEntries(entries), ...behind } };
}

/** Undefined when nothing is served under that group version. */
export function openApiDocument(registry: Registry, { group, version }: GroupVersion): OpenApiV3 | undefined {
  const documents = registry.ofGroupVersion(group, version).map(({ crd }) => documentOf(crd, version));
  const [first] = documents;
  if (first === undefined) return undefined;
  return {
    ...first,
    paths: Object.assign({}, ...documents.map(({ paths }) => paths)),
    components: { schemas: Object.assign({}, ...documents.map(({ components }) => components.schemas)) },
  };
}

export function openApiV2Document(registry: Registry, behind: readonly Partial<OpenApiV2>[]): OpenApiV2 {
  const documents = registry.groupVersions().map((groupVersion) => openApiDocument(registry, groupVersion));
  const own = toOpenApiV2(documents.filter((document) => document !== undefined));
  return {
    ...own,
    paths: Object.assign({}, own.paths, ...behind.map(({ paths }) => paths)),
    definitions: Object.assign({}, own.definitions, ...behind.map(({ definitions }) => definitions)),
  };
}

/** Of the core group the schema machinery knows nothing: its documents are those of a group called `''`, put right here. */
function documentOf(crd: Crd, version: string): OpenApiV3 {
  const document = openApiV3(crd, version);
  if (crd.spec.group !== '') return document as OpenApiV3;
  const text = JSON.stringify(document)
    .replaceAll('"/apis//', '"/api/')
    .replaceAll(`".${version}.`, `"core.${version}.`);
  return JSON.parse(text.replaceAll(`schemas/.${version}.`, `schemas/core.${version}.`)) as OpenApiV3;
}

function pathOf({ group, version }: GroupVersion): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}
