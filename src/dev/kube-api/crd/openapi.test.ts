import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { openApiV3 } from './index.ts';
import type { Crd } from './index.ts';

const crd = load(readFileSync(new URL('../../../../crds/devices.iot.mir.yaml', import.meta.url), 'utf8')) as Crd;
const document = openApiV3(crd, 'v1alpha') as {
  readonly paths: Record<string, unknown>;
  readonly components: { readonly schemas: Record<string, unknown> };
};

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, held]) => (key === '$ref' ? [String(held)] : references(held)));
}

describe('the OpenAPI document of a CRD version', () => {
  const prefix = '/apis/iot.mir/v1alpha';
  const all = `${prefix}/namespaces/{namespace}/devices`;
  const gvk = { group: 'iot.mir', version: 'v1alpha', kind: 'device' };

  it('has the paths that an API server has', () => {
    const paths = [`${prefix}/devices`, all, `${all}/{name}`, `${all}/{name}/status`];
    expect(Object.keys(document.paths).sort()).toEqual(paths);
  });

  it('tells kubectl that the server validates fields and takes merge patches', () => {
    expect(document.paths[`${all}/{name}`]).toMatchObject({
      patch: {
        'x-kubernetes-action': 'patch',
        'x-kubernetes-group-version-kind': gvk,
        parameters: expect.arrayContaining([
          { name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } },
        ]),
        requestBody: { content: { 'application/merge-patch+json': {}, 'application/json-patch+json': {} } },
      },
    });
  });

  it('describes every field for explain', () => {
    expect(document.components.schemas['mir.iot.v1alpha.device']).toMatchObject({
      'x-kubernetes-group-version-kind': [gvk],
      properties: {
        spec: { properties: { deviceId: { type: 'string', description: expect.stringContaining('immutable') } } },
        metadata: { allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }] },
      },
    });
  });

  it('refers to nothing that it does not hold', () => {
    const held = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(references(document).length).toBeGreaterThan(20);
    expect(references(document).filter((reference) => !held.includes(reference))).toEqual([]);
  });

  it('exists for versions of the CRD only', () => {
    expect(() => openApiV3(crd, 'v2')).toThrow('devices.iot.mir has no version v2');
  });
});
