/** What the API knows of one served resource in one version: built in, or from a CustomResourceDefinition. */
import type { CompiledVersion, Crd, FieldError, Table } from '../crd/index.ts';
import type { MergeType } from '../../structured-merge/merge-type.ts';
import type { KubeObject } from '../kube-object.ts';

export interface ResourceType {
  /** The name of its storage: `devices.iot.mir`, `namespaces`. Versions of one resource share it. */
  readonly id: string;
  /** `''` for the core group. */
  readonly group: string;
  readonly version: string;
  /** The version in which objects are stored. */
  readonly storageVersion: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly isNamespaced: boolean;
  readonly isCustom: boolean;
  /** Its definition is being deleted: no new objects. */
  readonly isTerminating: boolean;
  readonly hasStatus: boolean;
  /** Whether changes are counted in `metadata.generation`. */
  readonly hasGeneration: boolean;
  readonly nameRule: 'subdomain' | 'label';
  readonly schema: CompiledVersion;
  /** How objects of each served version are merged, by apiVersion. */
  readonly mergeTypes: ReadonlyMap<string, MergeType>;
  readonly table: Table;
  /** Field label → path, in addition to metadata.name and metadata.namespace. */
  readonly selectable: ReadonlyMap<string, string>;
  /** What OpenAPI documents are made of. */
  readonly crd: Crd;
  readonly hooks: Hooks;
}

/** Rules of one resource that a schema cannot say. The objects given are the callee's to change. */
export interface Hooks {
  prepareCreate?(object: KubeObject, now: number): void;
  prepareUpdate?(object: KubeObject, old: KubeObject): void;
  validate?(object: KubeObject, old?: KubeObject): FieldError[];
  /** After the deletion timestamp has been set. */
  beginDeletion?(object: KubeObject, now: number): void;
  /** Whether something other than `metadata.finalizers` keeps a deleted object. */
  isHeld?(object: KubeObject): boolean;
}

export function apiVersionOf({ group, version }: Pick<ResourceType, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const CUSTOM_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

/** In the order in which an API server names them. */
export const verbsOf = ({ isCustom }: ResourceType): readonly string[] => (isCustom ? CUSTOM_VERBS : VERBS);
