/** What every write passes: the schema's defaults and pruning, unknown fields as the client wants them, validation. */
import { badRequest, invalid } from '../errors.ts';
import type { FieldError, Part } from '../crd/index.ts';
import { duplicateFields } from '../http/duplicate-fields.ts';
import type { Body } from '../http/body.ts';
import type { KubeObject } from '../kube-object.ts';
import type { Call } from './call.ts';
import { checkMetadata } from './metadata-rules.ts';

/** Defaults and prunes; unknown fields are refused, warned of or dropped as `fieldValidation` says (Warn without it). */
export function admit({ type, query, body, warnings }: Call, object: KubeObject, part: Part): KubeObject {
  const mode = query.get('fieldValidation') || 'Warn';
  const { managedFields: _, ...metadata } = object.metadata as Record<string, never>;
  const admitted = type.schema.admit({ ...object, metadata }, part);
  const faults = [
    ...(mode === 'Ignore' ? [] : duplicates(body)),
    ...admitted.unknownFields.map((field) => `unknown field "${field}"`),
  ];
  if (faults.length > 0 && mode === 'Strict') {
    const { kind, version } = type;
    const list = faults.join(', ');
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${list}`);
  }
  if (mode === 'Warn') warnings.push(...faults);
  return admitted.object as KubeObject;
}

/** A patch's own body is no object of this kind, and YAML names no field twice. */
function duplicates({ type, bytes }: Body): string[] {
  if (type !== '' && type !== 'application/json') return [];
  return duplicateFields(bytes.toString('utf8')).map((field) => `duplicate field "${field}"`);
}

/** Throws 422 with everything that is wrong with `object`. */
export function validate({ type }: Call, object: KubeObject, old?: KubeObject, part: Part = 'whole'): void {
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
}

function checkUpdate({ metadata }: KubeObject, { metadata: old }: KubeObject): FieldError[] {
  if (old.deletionTimestamp === undefined) return [];
  const added = (metadata.finalizers ?? []).filter((name) => !(old.finalizers ?? []).includes(name));
  if (added.length === 0) return [];
  const shown = added.map((name) => JSON.stringify(name)).join(', ');
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`;
  return [{ type: 'FieldValueForbidden', field: 'metadata.finalizers', message }];
}
