import { describe, expect, it } from '@jest/globals';
import { toOpenApiV2 } from '../../../openapi/v2.ts';

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const definitionOf = (schema: Readonly<Record<string, unknown>>): unknown =>
  toOpenApiV2([{ paths: {}, components: { schemas: { A: schema } } }]).definitions['A'];

describe('OpenAPI v2', () => {
  it.each([
    ['a reference', ref('B'), { $ref: '#/definitions/B' }],
    [
      'a reference with words of its own',
      { description: 'b', allOf: [ref('B')] },
      { description: 'b', $ref: '#/definitions/B' },
    ],
    ['checks that it has no words for', { type: 'string', oneOf: [{}], anyOf: [{}], not: {} }, { type: 'string' }],
    ['what may be null', { type: 'object', nullable: true, properties: { a: {} } }, {}],
    [
      'what keeps unknown fields',
      { type: 'object', properties: { a: {} }, 'x-kubernetes-preserve-unknown-fields': true },
      { 'x-kubernetes-preserve-unknown-fields': true },
    ],
    ['a list of anything', { type: 'array' }, {}],
    ['a list', { type: 'array', items: ref('B') }, { type: 'array', items: { $ref: '#/definitions/B' } }],
    [
      'a map',
      { type: 'object', additionalProperties: ref('B') },
      { type: 'object', additionalProperties: { $ref: '#/definitions/B' } },
    ],
    [
      'a map of anything',
      { type: 'object', additionalProperties: true },
      { type: 'object', additionalProperties: true },
    ],
  ])('says %s in its own way', (_what, schema, expected) => {
    expect(definitionOf(schema)).toEqual(expected);
  });

  it('keeps of an operation what is taken, asked for and answered', () => {
    const content = { 'application/merge-patch+json': { schema: ref('Patch') } };
    const answer = { 'application/json': { schema: ref('A') } };
    const patch = {
      'x-kubernetes-action': 'patch',
      parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } }],
      requestBody: { content, required: true },
      responses: { 200: { description: 'OK', content: answer } },
    };
    const { paths } = toOpenApiV2([{ paths: { '/a/{name}': { patch } }, components: { schemas: {} } }]);
    expect(paths).toEqual({
      '/a/{name}': {
        parameters: [],
        patch: {
          'x-kubernetes-action': 'patch',
          consumes: ['application/merge-patch+json'],
          produces: ['application/json'],
          parameters: [
            { name: 'body', in: 'body', required: true, schema: { $ref: '#/definitions/Patch' } },
            { name: 'fieldValidation', in: 'query', type: 'string', uniqueItems: true },
          ],
          responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/A' } } },
        },
      },
    });
  });
});
