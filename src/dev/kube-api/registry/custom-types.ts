import { compileCrd } from '../crd/index.ts';
import type { Crd } from '../crd/index.ts';
import type { ResourceType } from './resource-type.ts';

/** A definition as it is stored. */
export type Definition = Crd & { readonly metadata: { readonly deletionTimestamp?: string } };

/** The served versions of a CustomResourceDefinition; throws InvalidCrdError. */
export function customTypes(crd: Definition): ResourceType[] {
  const { group, names, scope, versions } = compileCrd(crd);
  const storageVersion = crd.spec.versions.find(({ storage }) => storage)?.name ?? '';
  return [...versions].map(([version, schema]) => ({
    id: `${names.plural}.${group}`,
    group,
    version,
    storageVersion,
    ...names,
    isNamespaced: scope === 'Namespaced',
    isCustom: true,
    isTerminating: crd.metadata.deletionTimestamp !== undefined,
    hasStatus: schema.hasStatusSubresource,
    hasGeneration: true,
    nameRule: 'subdomain',
    schema,
    table: schema.table,
    selectable: new Map(schema.selectableFields.map((path) => [path, path])),
    crd,
    hooks: {},
  }));
}
