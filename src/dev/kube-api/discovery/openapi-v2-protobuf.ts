/** The OpenAPI v2 document in protobuf, the only form in which kubectl reads it: openapi.v2 of github.com/google/gnostic-models. */
import protobuf from 'protobufjs';
import type { OpenApiV2 } from '../../../openapi/v2.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a client asks for, and what the answer calls itself. */
export const OPENAPI_V2_ACCEPTED = [
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
];
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** The part of OpenAPIv2.proto that a Kubernetes API needs. */
const PROTO = `
syntax = "proto3";
message Any { string yaml = 2; }
message NamedAny { string name = 1; Any value = 2; }
message Document { string swagger = 1; Info info = 2; Paths paths = 8; Definitions definitions = 9; }
message Info { string title = 1; string version = 2; }
message Paths { repeated NamedPathItem path = 2; }
message NamedPathItem { string name = 1; PathItem value = 2; }
message PathItem {
  Operation get = 2; Operation put = 3; Operation post = 4; Operation delete = 5; Operation patch = 8;
  repeated ParametersItem parameters = 9;
}
message Operation {
  repeated string tags = 1; string description = 3; string operation_id = 5; repeated string produces = 6;
  repeated string consumes = 7; repeated ParametersItem parameters = 8; Responses responses = 9;
  repeated NamedAny vendor_extension = 13;
}
message ParametersItem { Parameter parameter = 1; }
message Parameter { BodyParameter body_parameter = 1; NonBodyParameter non_body_parameter = 2; }
message BodyParameter { string name = 2; string in = 3; bool required = 4; Schema schema = 5; }
message NonBodyParameter { QueryParameter query = 3; PathParameter path = 4; }
message QueryParameter { bool required = 1; string in = 2; string name = 4; string type = 6; bool unique_items = 20; }
message PathParameter { bool required = 1; string in = 2; string name = 4; string type = 5; }
message Responses { repeated NamedResponseValue response_code = 1; }
message NamedResponseValue { string name = 1; ResponseValue value = 2; }
message ResponseValue { Response response = 1; }
message Response { string description = 1; SchemaItem schema = 2; }
message SchemaItem { Schema schema = 1; }
message Definitions { repeated NamedSchema additional_properties = 1; }
message Properties { repeated NamedSchema additional_properties = 1; }
message NamedSchema { string name = 1; Schema value = 2; }
message Schema {
  string _ref = 1; string format = 2; string title = 3; string description = 4; Any default = 5; double multiple_of = 6;
  double maximum = 7; bool exclusive_maximum = 8; double minimum = 9; bool exclusive_minimum = 10; int64 max_length = 11;
  int64 min_length = 12; string pattern = 13; int64 max_items = 14; int64 min_items = 15; bool unique_items = 16;
  int64 max_properties = 17; int64 min_properties = 18; repeated string required = 19; repeated Any enum = 20;
  AdditionalProperties additional_properties = 21; TypeItem type = 22; ItemsItem items = 23; Properties properties = 25;
  repeated NamedAny vendor_extension = 31;
}
message AdditionalProperties { oneof oneof { Schema schema = 1; bool boolean = 2; } }
message TypeItem { repeated string value = 1; }
message ItemsItem { repeated Schema schema = 1; }
`;

const DOCUMENT = protobuf.parse(PROTO, { keepCase: true }).root.lookupType('Document');

export function encodeOpenApiV2({ swagger, info, paths, definitions }: OpenApiV2): Uint8Array {
  const document = {
    swagger,
    info,
    paths: { path: named(paths, pathItem) },
    definitions: { additional_properties: named(definitions, schemaMessage) },
  };
  return DOCUMENT.encode(DOCUMENT.fromObject(document)).finish();
}

function named(from: unknown, change: (value: Json) => Json): readonly Json[] {
  return Object.entries((from ?? {}) as Json).map(([name, value]) => ({ name, value: change(value as Json) }));
}

/** YAML is what an Any holds, and JSON is YAML. */
const any = (value: unknown): Json => ({ yaml: JSON.stringify(value) });

function extensions(from: Json): readonly Json[] {
  const entries = Object.entries(from).filter(([name]) => name.startsWith('x-'));
  return entries.map(([name, value]) => ({ name, value: any(value) }));
}

/** `maxLength` → `max_length`: what the table above does not know is left out. */
function inSnakeCase(from: Json): Json {
  const entries = Object.entries(from).filter(([name]) => !name.startsWith('x-'));
  return Object.fromEntries(
    entries.map(([name, value]) => [name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}

function schemaMessage(schema: Json): Json {
  const { $ref, type, items, properties, additionalProperties, default: standard, enum: values, ...rest } = schema;
  return {
    ...inSnakeCase(rest),
    ...($ref === undefined ? {} : { _ref: $ref }),
    ...(type === undefined ? {} : { type: { value: [type] } }),
    ...(items === undefined ? {} : { items: { schema: [schemaMessage(items as Json)] } }),
    ...(properties === undefined ? {} : { properties: { additional_properties: named(properties, schemaMessage) } }),
    ...(standard === undefined ? {} : { default: any(standard) }),
    ...(values === undefined ? {} : { enum: (values as readonly unknown[]).map(any) }),
    ...(additionalProperties === undefined ? {} : { additional_properties: additional(additionalProperties) }),
    vendor_extension: extensions(rest),
  };
}

function additional(value: unknown): Json {
  return typeof value === 'boolean' ? { boolean: value } : { schema: schemaMessage(value as Json) };
}

function pathItem({ parameters, ...operations }: Json): Json {
  const entries = Object.entries(operations).map(([method, operation]) => [
    method,
    operationMessage(operation as Json),
  ]);
  return { ...(Object.fromEntries(entries) as Json), parameters: parameterItems(parameters) };
}

function operationMessage({ parameters, responses, ...rest }: Json): Json {
  const responseValue = ({ description, schema }: Json): Json => ({
    response: { description, schema: { schema: schemaMessage((schema ?? {}) as Json) } },
  });
  return {
    ...inSnakeCase(rest),
    parameters: parameterItems(parameters),
    responses: { response_code: named(responses, responseValue) },
    vendor_extension: extensions(rest),
  };
}

function parameterItems(parameters: unknown): readonly Json[] {
  return (parameters as readonly Json[]).map((parameter) => ({ parameter: parameterMessage(parameter) }));
}

function parameterMessage(parameter: Json): Json {
  if (parameter['in'] === 'body') {
    return { body_parameter: { ...parameter, schema: schemaMessage(parameter['schema'] as Json) } };
  }
  return { non_body_parameter: { [String(parameter['in'])]: inSnakeCase(parameter) } };
}
