/** Built-in resources are described like custom ones, so that defaulting, unknown fields and OpenAPI are one mechanism. */
import { compileCrd } from '../../crd/index.ts';
import type { Crd, Table } from '../../crd/index.ts';
import type { PrinterColumn, Schema } from '../../crd/types.ts';
import { objectType } from '../../../structured-merge/merge-type.ts';
import { apiVersionOf } from '../resource-type.ts';
import type { Hooks, ResourceType } from '../resource-type.ts';

export interface BuiltIn {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly isNamespaced: boolean;
  readonly hasGeneration?: boolean;
  readonly nameRule?: 'subdomain' | 'label';
  readonly description: string;
  /** Beside apiVersion, kind and metadata. A `status` here is a subresource. */
  readonly properties: Readonly<Record<string, Schema>>;
  readonly columns?: readonly PrinterColumn[];
  readonly table?: Table;
  readonly selectable?: Readonly<Record<string, string>>;
  readonly hooks?: Hooks;
}

export function builtInType(builtIn: BuiltIn): ResourceType {
  const { group, version, plural } = builtIn;
  const crd = describe(builtIn);
  // Only the group of a real CRD must have a dot and be approved: compiled under a name that passes.
  const spec = { ...crd.spec, group: 'builtin.embedded' };
  const compiled = compileCrd({ metadata: { name: `${plural}.builtin.embedded` }, spec });
  const schema = compiled.versions.get(version);
  if (schema === undefined) throw new Error(`${plural} has no version ${version}`);
  return {
    id: group === '' ? plural : `${plural}.${group}`,
    group,
    version,
    storageVersion: version,
    ...compiled.names,
    isNamespaced: builtIn.isNamespaced,
    isCustom: false,
    isTerminating: false,
    hasStatus: schema.hasStatusSubresource,
    hasGeneration: builtIn.hasGeneration ?? false,
    nameRule: builtIn.nameRule ?? 'subdomain',
    schema,
    mergeTypes: new Map([[apiVersionOf(builtIn), objectType({ type: 'object', properties: builtIn.properties })]]),
    table: builtIn.table ?? schema.table,
    selectable: new Map(Object.entries(builtIn.selectable ?? {})),
    crd,
    hooks: builtIn.hooks ?? {},
  };
}

function describe(builtIn: BuiltIn): Crd {
  const { group, version, kind, plural, shortNames = [], categories = [], description, properties, columns } = builtIn;
  return {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: builtIn.isNamespaced ? 'Namespaced' : 'Cluster',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List`, shortNames, categories },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...('status' in properties ? { subresources: { status: {} } } : {}),
          ...(columns === undefined ? {} : { additionalPrinterColumns: columns }),
          schema: { openAPIV3Schema: { type: 'object', description, properties } },
        },
      ],
    },
  };
}

export const text = (description: string): Schema => ({ type: 'string', description });
export const integer = (description: string): Schema => ({ type: 'integer', format: 'int32', description });
export const flag = (description: string): Schema => ({ type: 'boolean', description });
export const time = (description: string): Schema => ({ type: 'string', format: 'date-time', description });
export const map = (description: string): Schema => ({
  type: 'object',
  description,
  additionalProperties: { type: 'string' },
});
export const object = (description: string, properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  description,
  properties,
});
export const list = (description: string, items: Schema): Schema => ({ type: 'array', description, items });
export const anything = (description: string): Schema => ({
  type: 'object',
  description,
  'x-kubernetes-preserve-unknown-fields': true,
});

export const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description: 'Time since the object was created.',
  jsonPath: '.metadata.creationTimestamp',
};
