import { describe, expect, it } from '@jest/globals';
import { compileCrd, InvalidCrdError } from './index.ts';
import type { Crd } from './index.ts';
import type { CrdVersion, Schema } from './types.ts';

const SCHEMA = 'spec.validation.openAPIV3Schema';
const SPEC = `${SCHEMA}.properties[spec]`;

function crd(openAPIV3Schema: Schema, version: Partial<CrdVersion> = {}, spec: Partial<Crd['spec']> = {}): Crd {
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, ...version }];
  const names = { plural: 'bads', kind: 'Bad' };
  return {
    metadata: { name: 'bads.test.mir' },
    spec: { group: 'test.mir', scope: 'Namespaced', names, versions, ...spec },
  };
}

const withSpec = (a: Schema): Schema => ({
  type: 'object',
  properties: { spec: { type: 'object', properties: { a } } },
});
const GOOD = withSpec({ type: 'string' });
const rule = (text: string, rest: object = {}): Schema => ({
  type: 'string',
  'x-kubernetes-validations': [{ rule: text, ...rest }],
});

function faultsOf(definition: Crd): string[] {
  try {
    compileCrd(definition);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidCrdError)) throw error;
    return error.errors.map(({ field, message }) => `${field}: ${message}`);
  }
}

describe('a CRD is refused, in the words of an API server', () => {
  const schemas: [string, Schema, string][] = [
    ['no type', {}, 'type: Required value: must not be empty for specified object fields'],
    [
      'an unknown type',
      { type: 'int' },
      'type: Unsupported value: "int": supported values: "array", "boolean", "integer", "number", "object", "string"',
    ],
    ['an array of nothing', { type: 'array' }, 'items: Required value: must be specified'],
    [
      'items without type',
      { type: 'array', items: {} },
      'items.type: Required value: must not be empty for specified array items',
    ],
    [
      'a branch that describes',
      { type: 'string', anyOf: [{ type: 'string' }] },
      'anyOf[0].type: Forbidden: must be empty to be structural',
    ],
    [
      'properties beside additionalProperties',
      { type: 'object', properties: { b: { type: 'string' } }, additionalProperties: { type: 'string' } },
      'additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
    ],
    [
      'uniqueItems',
      { type: 'array', items: { type: 'string' }, uniqueItems: true },
      'uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
    ],
    [
      'a list-type map without keys',
      { type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } },
      'x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
    ],
    [
      'a key that may be absent',
      {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['n'],
        items: { type: 'object', properties: { n: { type: 'string' } } },
      },
      'items.properties[n].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
    ],
    [
      'a map type on a string',
      { type: 'string', 'x-kubernetes-map-type': 'atomic' },
      'type: Invalid value: "string": must be object if x-kubernetes-map-type is specified',
    ],
    [
      'a default of the wrong type',
      { type: 'string', default: 5 },
      'default: Invalid value: "integer":  in body must be of type string: "integer"',
    ],
    [
      'a default with unknown fields',
      { type: 'object', default: { c: 1 } },
      'default: Invalid value: {"c":1}: must not have unknown fields',
    ],
    ['an empty rule', rule(' '), 'x-kubernetes-validations[0].rule: Required value: rule is not specified'],
    [
      'a rule that is no bool',
      rule("'x'"),
      `x-kubernetes-validations[0].rule: Invalid value: "'x'": cel expression must evaluate to a bool`,
    ],
    [
      'a rule over an undefined field',
      { type: 'object', 'x-kubernetes-validations': [{ rule: 'has(self.b)' }] },
      `x-kubernetes-validations[0].rule: Invalid value: "has(self.b)": compilation failed: undefined field 'b'`,
    ],
    [
      'oldSelf where items have no identity',
      { type: 'array', items: rule('self == oldSelf') },
      `items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${SPEC}.properties[a]`,
    ],
    [
      'a function that is not implemented',
      rule('isURL(self)'),
      `x-kubernetes-validations[0].rule: Invalid value: "isURL(self)": compilation failed: found no matching overload for 'isURL(dyn)'`,
    ],
  ];
  it.each(schemas)('for %s', (_name, schema, expected) => {
    expect(faultsOf(crd(withSpec(schema)))).toEqual([`${SPEC}.properties[a].${expected}`]);
  });

  const definitions: [string, Crd, string][] = [
    [
      'a group without a dot',
      crd(GOOD, {}, { group: 'mir' }),
      'spec.group: Invalid value: "mir": should be a domain with at least one dot',
    ],
    [
      'another name',
      { ...crd(GOOD), metadata: { name: 'goods.test.mir' } },
      'metadata.name: Invalid value: "goods.test.mir": must be spec.names.plural+"."+spec.group',
    ],
    [
      'a list for a root',
      crd({ type: 'array', items: { type: 'string' } }),
      `${SCHEMA}.type: Invalid value: "array": must be object at the root`,
    ],
    [
      'metadata described',
      crd({ type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } }),
      `${SCHEMA}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
    ],
    [
      'no storage version',
      crd(GOOD, { storage: false }),
      'spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage version',
    ],
    [
      'a column of an unknown type',
      crd(GOOD, { additionalPrinterColumns: [{ name: 'x', type: 'text', jsonPath: '.a' }] }),
      'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
    ],
    [
      'selecting by what is not there',
      crd(GOOD, { selectableFields: [{ jsonPath: '.spec.b' }] }),
      'spec.selectableFields[0].jsonPath: Invalid value: ".spec.b": is an invalid path: does not refer to a valid field',
    ],
  ];
  it.each(definitions)('for %s', (_name, definition, expected) => {
    expect(faultsOf(definition)).toContain(expected);
  });

  it('with one message that names the CRD', () => {
    expect(() => compileCrd(crd(GOOD, {}, { group: 'mir' }))).toThrow(
      /^CustomResourceDefinition\.apiextensions\.k8s\.io "bads\.test\.mir" is invalid: \[metadata\.name: .*, spec\.group: /,
    );
  });

  it('and taken when nothing is wrong, its missing names filled in', () => {
    expect(compileCrd(crd(GOOD)).names).toEqual({
      plural: 'bads',
      singular: 'bad',
      kind: 'Bad',
      listKind: 'BadList',
      shortNames: [],
      categories: [],
    });
  });
});
