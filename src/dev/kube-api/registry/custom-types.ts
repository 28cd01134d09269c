import { compileCrd } from '../crd/index.ts';
import type { Crd } from '../crd/index.ts';
import { DEDUCED, objectType } from '../../structured-merge/merge-type.ts';
import { apiVersionOf } from './resource-type.ts';
import type { ResourceType } from './resource-type.ts';

/** A definition as it is stored. */
export type Definition = Crd & { readonly metadata: { readonly deletionTimestamp?: string } };

/** The served versions of a CustomResourceDefinition; throws InvalidCrdError. */
export function customTypes(crd: Definition): ResourceType[] {
  const { group, names, scope, versions } = compileCrd(crd);
  const mergeTypes = new Map(
    crd.spec.versions
      .filter(({ served }) => served)
      .map(({ name, schema }) => [
        apiVersionOf({ group, version: name }),
        schema?.openAPIV3Schema === undefined ? DEDUCED : objectType(schema.openAPIV3Schema),
      ]),
  );
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
    mergeTypes,
    table: schema.table,
    selectable: new Map(schema.selectableFields.map((path) => [path, path])),
    crd,
    hooks: {},
  }));
}
