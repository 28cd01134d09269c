/** How stored objects are shown: whole, as table rows, or as metadata alone. Works on JSON text, to send what is stored as it is. */
import type { Json, JsonObject } from '../crd/index.ts';
import { parseStored } from '../storage/store.ts';
import type { Stored } from '../storage/collection.ts';
import type { ListMeta } from '../handlers/call.ts';
import type { Form } from '../http/negotiation.ts';
import { apiVersionOf } from '../registry/resource-type.ts';
import type { ResourceType } from '../registry/resource-type.ts';

type Shown = Pick<Stored, 'json'>;

export interface Presenter {
  one(stored: Shown): string;
  list(items: readonly Shown[], meta: ListMeta): string;
  /** The object of a watch event: unlike `one`, a table names its columns once. */
  watched(stored: Shown): string;
}

export interface PresentOptions {
  readonly type: ResourceType;
  readonly shape: Form['shape'];
  /** `includeObject` of a table: None, Metadata (default) or Object. */
  readonly includeObject: string;
  readonly now: () => number;
}

export function presenterFor(options: PresentOptions): Presenter {
  switch (options.shape) {
    case 'whole':
      return wholePresenter(options.type);
    case 'partial':
      return partialPresenter();
    case 'table':
      return tablePresenter(options);
    default:
      return options.shape satisfies never;
  }
}

function wholePresenter(type: ResourceType): Presenter {
  const apiVersion = JSON.stringify(apiVersionOf(type));
  const storedPrefix = `{"apiVersion":${JSON.stringify(apiVersionOf({ ...type, version: type.storageVersion }))},`;
  const servedPrefix = `{"apiVersion":${apiVersion},`;
  const served = (json: string): string =>
    storedPrefix !== servedPrefix && json.startsWith(storedPrefix)
      ? servedPrefix + json.slice(storedPrefix.length)
      : json;
  // A list of built-in objects names their type once, in the list.
  const typed = `${servedPrefix}"kind":${JSON.stringify(type.kind)},`;
  const listed = (json: string): string => (type.isCustom ? served(json) : `{${json.slice(typed.length)}`);
  return {
    one: ({ json }) => served(json),
    watched: ({ json }) => served(json),
    list(items, meta) {
      const kind = JSON.stringify(type.listKind);
      const texts = items.map(({ json }) => listed(json)).join(',');
      return `{"apiVersion":${apiVersion},"items":[${texts}],"kind":${kind},"metadata":${JSON.stringify({ continue: '', ...meta })}}`;
    },
  };
}

function partialPresenter(): Presenter {
  const one = (stored: Shown): string => JSON.stringify(partial(stored));
  return {
    one,
    watched: one,
    list: (items, metadata) =>
      JSON.stringify({
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        items: items.map((stored) => partial(stored)),
      }),
  };
}

function partial(stored: Shown): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: parseStored(stored).metadata };
}

function tablePresenter({ type, includeObject, now }: PresentOptions): Presenter {
  const { columnDefinitions } = type.table;
  const table = (metadata: object, columns: unknown, items: readonly Shown[]): string =>
    JSON.stringify({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      columnDefinitions: columns,
      rows: items.map((stored) => row(stored)),
    });
  const row = (stored: Shown) => {
    const object = parseStored(stored);
    const cells = type.table.row(object, now());
    return { cells, ...included(stored, object, includeObject) };
  };
  const metaOf = (stored: Shown) => ({ resourceVersion: parseStored(stored).metadata.resourceVersion ?? '' });
  let hasNamedColumns = false;
  return {
    one: (stored) => table(metaOf(stored), columnDefinitions, [stored]),
    list: (items, meta) => table(meta, columnDefinitions, items),
    watched(stored) {
      const columns = hasNamedColumns ? null : columnDefinitions;
      hasNamedColumns = true;
      return table(metaOf(stored), columns, [stored]);
    },
  };
}

function included(stored: Shown, object: Json, includeObject: string): { object?: Json } {
  if (includeObject === 'None') return {};
  return { object: includeObject === 'Object' ? object : partial(stored) };
}
