/** What every write passes: the schema's defaults and pruning, unknown fields as the client wants them, validation. */
import { badRequest, invalid } from '../errors.ts';
import type { StatusError } from '../errors.ts';
import type { FieldError, Json, Part } from '../crd/index.ts';
import { duplicateFields } from '../../../api/duplicate-fields.ts';
import type { Body } from '../http/body.ts';
import type { KubeObject } from '../kube-object.ts';
import type { Call } from './call.ts';
import { checkMetadata, warnOfFinalizers } from './metadata-rules.ts';

/** Defaults and prunes; unknown fields are refused, warned of or dropped as `fieldValidation` says (Warn without it). */
export function admit({ type, query, body, warnings }: Call, object: KubeObject, part: Part): KubeObject {
  const mode = query.get('fieldValidation') || 'Warn';
  const { managedFields: _, ...metadata } = object.metadata as Record<string, never>;
  const admitted = type.schema.admit({ ...object, metadata }, part, isApply(body));
  const faults = [
    ...(mode === 'Ignore' ? [] : duplicates(body)),
    ...admitted.unknownFields.map((field) => `unknown field "${field}"`),
  ];
  if (faults.length > 0 && mode === 'Strict') {
    const { kind, version } = type;
    const why = `strict decoding error: ${faults.join(', ')}`;
    if (isPatch(body)) throw refusedPatch(object, why);
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
  }
  if (mode === 'Warn') warnings.push(...faults);
  return admitted.object as KubeObject;
}

/** YAML names no field twice. */
function duplicates(body: Body): string[] {
  const { type, bytes } = body;
  if (type !== '' && type !== 'application/json' && !isPatch(body)) return [];
  return duplicateFields(bytes.toString('utf8')).map((field) => `duplicate field "${field}"`);
}

/** Of an apply, a null is what was applied, or what lost everything that it held. */
const isApply = ({ type }: Body): boolean => type === 'application/apply-patch+yaml';

const isPatch = ({ type }: Body): boolean => type.endsWith('-patch+json');

/** Of a patch, the object that it comes to is shown. */
export function refusedPatch(object: Json, why: string): StatusError {
  const message = `Invalid value: ${JSON.stringify(JSON.stringify(object))}: ${why}`;
  return invalid('', '', '', [{ type: 'FieldValueInvalid', field: 'patch', message }]);
}

/** Throws 422 with everything that is wrong with `object`. */
export function validate({ type, warnings }: Call, object: KubeObject, old?: KubeObject, part: Part = 'whole'): void {
  const inMetadata = checkMetadata(object.metadata, type.nameRule);
  const faults: FieldError[] = [
    ...inMetadata,
    ...(old === undefined ? [] : checkUpdate(object, old)),
    // An API server checks the metadata of custom resources twice, and says this twice.
    ...(old === undefined || !type.isCustom ? [] : checkUpdate(object, old)),
    ...type.schema.validate(object, old, part, inMetadata),
    ...(type.hooks.validate?.(object, old) ?? []),
  ];
  if (faults.length > 0) throw invalid(type.kind, type.group, object.metadata.name ?? '', faults);
  warnings.push(...warnOfFinalizers(object.metadata, old?.metadata));
}

function checkUpdate({ metadata }: KubeObject, { metadata: old }: KubeObject): FieldError[] {
  if (old.deletionTimestamp === undefined) return [];
  const added = (metadata.finalizers ?? []).filter((name) => !(old.finalizers ?? []).includes(name));
  if (added.length === 0) return [];
  const shown = added.map((name) => JSON.stringify(name)).join(', ');
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`;
  return [{ type: 'FieldValueForbidden', field: 'metadata.finalizers', message }];
}
