/** Fields that a rule names and the schema does not: an API server's type checker refuses them, cel-js would learn of them too late. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { escapeFieldName } from './cel-value.ts';
import { additionalSchema } from './schema-lookup.ts';
import type { Schema } from './types.ts';

const TEXT: Schema = { type: 'string' };
const RESOURCE_FIELDS: Readonly<Record<string, Schema>> = {
  apiVersion: TEXT,
  kind: TEXT,
  metadata: { type: 'object', properties: { name: TEXT, generateName: TEXT } },
};

/** The first undefined field of an expression over `self`, or undefined. */
export function findUndefinedField(ast: ASTNode, schema: Schema, isResourceRoot: boolean): string | undefined {
  const isResource = isResourceRoot || schema['x-kubernetes-embedded-resource'] === true;
  const self = isResource ? { ...schema, properties: { ...schema.properties, ...RESOURCE_FIELDS } } : schema;
  const undefinedFields: string[] = [];
  visit(ast, self, undefinedFields);
  return undefinedFields[0];
}

/** The schema of what a node stands for, as far as it is a path that starts at `self`. */
function visit(node: unknown, self: Schema, missing: string[]): Schema | undefined {
  if (Array.isArray(node)) {
    for (const one of node) visit(one, self, missing);
    return undefined;
  }
  if (!isAstNode(node)) return undefined;
  if (node.op === 'id') return node.args === 'self' ? self : undefined;
  const [subject, ...rest] = Array.isArray(node.args) ? node.args : [node.args];
  const schema = visit(subject, self, missing);
  if (node.op === '.' && typeof rest[0] === 'string') return schema && select(schema, rest[0], missing);
  visit(rest, self, missing);
  return node.op === '[]' && schema !== undefined ? (schema.items ?? additionalSchema(schema)) : undefined;
}

function select(schema: Schema, name: string, missing: string[]): Schema | undefined {
  if (schema.type !== 'object') return undefined;
  if (schema.additionalProperties !== undefined) return additionalSchema(schema);
  const found = Object.entries(schema.properties ?? {}).find(([property]) => escapeFieldName(property) === name);
  if (found === undefined) missing.push(name);
  return found?.[1];
}

export function isAstNode(node: unknown): node is Pick<ASTNode, 'op' | 'args'> {
  return typeof node === 'object' && node !== null && 'op' in node && 'args' in node;
}
