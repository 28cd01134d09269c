/** What the embedded Kubernetes API knows of a CustomResourceDefinition, before and after compilation. */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

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

export interface CrdNames {
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
}

/** `apiextensions.k8s.io/v1` CustomResourceDefinition, as far as it is read here. */
export interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced' | 'Cluster';
    readonly names: Partial<CrdNames> & Pick<CrdNames, 'plural' | 'kind'>;
    readonly versions: readonly CrdVersion[];
  };
}

export interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema?: { readonly openAPIV3Schema?: Schema };
  readonly subresources?: { readonly status?: object; readonly scale?: object };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

/** `JSONSchemaProps` of `apiextensions.k8s.io/v1`. */
export interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: Json;
  readonly example?: Json;
  readonly nullable?: boolean;
  readonly enum?: readonly Json[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}
