/** The semantics of a CustomResourceDefinition, as pure functions: no storage, no HTTP. */
export type { CompiledVersion, Crd, FieldError, Json, JsonObject, Part, Table, TableColumn } from './types.ts';
export { compileCrd } from './compile.ts';
export { InvalidCrdError } from './crd-check.ts';
export { openApiV3 } from '../../../openapi/v3.ts';
