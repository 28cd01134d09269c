/** What the embedded Kubernetes API knows of a CustomResourceDefinition, before and after compilation. */

import type { CrdNames, Json } from '../../../openapi/crd.ts';

export type {
  Crd,
  CrdNames,
  CrdVersion,
  Json,
  JsonObject,
  PrinterColumn,
  Schema,
  ValidationRule,
} from '../../../openapi/crd.ts';

/** One violation, spelled as kube-apiserver spells it in `details.causes`. */
export interface FieldError {
  /** The cause's `reason`: `FieldValueRequired`, `FieldValueInvalid`, `FieldValueTypeInvalid`, … */
  readonly type: FieldErrorType;
  /** `spec.deviceId`, `properties.desired[sensor.v1.SampleRate]`, `status.conditions[0].type`; `<nil>` at the root. */
  readonly field: string;
  /** Without the field: `Required value`, `Invalid value: "x": …`. */
  readonly message: string;
}

export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

/** A column of `meta.k8s.io/v1` Table. */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

/** Which part of an object a request may set: everything, or through the status subresource only `status`. */
export type Part = 'whole' | 'status';

export interface CompiledVersion {
  /**
   * The object defaulted and pruned, and the paths of the unknown fields that went (`spec.x`, `metadata.x`, sorted); the
   * argument is left as it is. As `'whole'`, a CRD with a status subresource starts with the default status, whatever the
   * object says: right for a create; an update puts the stored status in its place. As `'status'` the status stays.
   * `keepsNulls` leaves it to validation what becomes of a null.
   */
  admit(object: Json, part: Part, keepsNulls?: boolean): { object: Json; unknownFields: string[] };
  /**
   * Schema and `x-kubernetes-validations` in kube-apiserver's order; with `old` an update, else a create. Through the status
   * subresource (`part` `'status'`) the schema is held against `status` only, the rules against the whole object.
   */
  /** `before` are faults found elsewhere: some of them keep the rules from being checked. */
  validate(object: Json, old?: Json, part?: Part, before?: readonly FieldError[]): FieldError[];
  readonly table: Table;
  /** Paths without the leading dot: `spec.deviceId`. */
  readonly selectableFields: readonly string[];
  readonly hasStatusSubresource: boolean;
}

export interface Table {
  /** The name first, then the CRD's own; AGE alone where the CRD names none. */
  readonly columnDefinitions: readonly TableColumn[];
  /** The cells of one object; `now` in milliseconds since the epoch, for `date` columns. */
  row(object: Json, now: number): Json[];
}

export interface CompiledCrd {
  readonly group: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly names: CrdNames;
  /** Served versions only. */
  readonly versions: ReadonlyMap<string, CompiledVersion>;
}
