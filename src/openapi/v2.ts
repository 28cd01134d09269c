/**
 * The OpenAPI v2 document: what kubectl checks the items of a `kind: List` against, because servers take none as a whole. It is made of
 * the v3 documents, less what v2 cannot say (apiextensions-apiserver, pkg/controller/openapi/v2/conversion.go).
 */
type Json = Readonly<Record<string, unknown>>;

export interface OpenApiV3 {
  readonly paths: Json;
  readonly components: { readonly schemas: Json };
}

export interface OpenApiV2 {
  readonly swagger: '2.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Json;
  readonly definitions: Json;
}

export function toOpenApiV2(documents: readonly OpenApiV3[]): OpenApiV2 {
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.32.0' },
    paths: mapped(Object.assign({}, ...documents.map(({ paths }) => paths)) as Json, pathOf),
    definitions: mapped(Object.assign({}, ...documents.map(({ components }) => components.schemas)) as Json, schemaOf),
  };
}

function mapped(from: Json, change: (value: Json) => Json): Json {
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, change(value as Json)]));
}

/** Each of them is a further check of the value, except an `allOf` of one reference, which only gives the reference a description. */
const NOT_IN_V2: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'not', 'nullable']);

function schemaOf(schema: Json): Json {
  const { $ref, allOf, nullable } = schema;
  const rest = Object.fromEntries(Object.entries(schema).filter(([name]) => !NOT_IN_V2.has(name)));
  if (typeof $ref === 'string') return { ...rest, $ref: referenceOf($ref) };
  const [only, ...others] = (allOf ?? []) as readonly Json[];
  if (only?.['$ref'] !== undefined && others.length === 0) return { ...rest, ...schemaOf(only) };
  return withoutContent(rest, nullable === true);
}

/** kubectl refuses what an untyped or open value says of its content. */
function withoutContent(schema: Json, isNullable: boolean): Json {
  const { type, items, properties, additionalProperties, ...rest } = schema;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const keptItems = isOpen || isNullable ? undefined : (items as Json | undefined);
  const keptProperties = isOpen || isNullable ? undefined : (properties as Json | undefined);
  const isUntyped = isNullable || (isOpen && type === 'object') || (type === 'array' && keptItems === undefined);
  return {
    ...rest,
    ...(type === undefined || isUntyped ? {} : { type }),
    ...(keptItems === undefined ? {} : { items: schemaOf(keptItems) }),
    ...(keptProperties === undefined ? {} : { properties: mapped(keptProperties, schemaOf) }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: schemaOf(additionalProperties as Json) }
      : additionalProperties === undefined
        ? {}
        : { additionalProperties }),
  };
}

function referenceOf(reference: string): string {
  return reference.replace('#/components/schemas/', '#/definitions/');
}

function pathOf({ parameters, ...operations }: Json): Json {
  return { parameters: parametersOf(parameters), ...mapped(operations, operationOf) };
}

function operationOf({ parameters, requestBody, responses, ...rest }: Json): Json {
  const request = contentOf(requestBody);
  const body = { name: 'body', in: 'body', required: true, schema: request.schema };
  return {
    ...rest,
    parameters: [...(request.schema === undefined ? [] : [body]), ...parametersOf(parameters)],
    ...(request.types.length === 0 ? {} : { consumes: request.types }),
    produces: contentOf((responses as Json)['200']).types,
    responses: mapped(responses as Json, (response) => ({
      description: response['description'],
      schema: contentOf(response).schema,
    })),
  };
}

function parametersOf(parameters: unknown): readonly Json[] {
  return ((parameters ?? []) as readonly Json[]).map(({ schema, ...rest }) => ({ ...rest, ...(schema as Json) }));
}

function contentOf(holder: unknown): { readonly types: readonly string[]; readonly schema: Json | undefined } {
  const content = ((holder as Json | undefined)?.['content'] ?? {}) as Json;
  const [first] = Object.values(content) as readonly { readonly schema: Json }[];
  return { types: Object.keys(content), schema: first === undefined ? undefined : schemaOf(first.schema) };
}
