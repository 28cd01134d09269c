import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { device } from '../../test/gen/device.ts';
import type { JsonObject } from '../api/device.ts';
import { ShapeError, toMir, toStored } from './mir-shape.ts';

const MIR = { apiVersion: 'mir/v1alpha', kind: 'device', meta: { name: 'a', namespace: 'b' }, spec: { deviceId: 'd' } };

describe('toStored', () => {
  it('leaves out what only the device and the system write', () => {
    const document = {
      ...MIR,
      properties: { desired: { 'x.v1.M': { a: 1 } }, reported: { 'x.v1.M': { a: 2 } } },
      status: { online: true },
    };
    expect(toStored(document)).toEqual({
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: 'a', namespace: 'b' },
      spec: { deviceId: 'd' },
      properties: { desired: { 'x.v1.M': { a: 1 } } },
    });
  });

  it('takes meta, metadata or both, and the stored shape', () => {
    const metadata = { name: 'a', namespace: 'b', labels: { x: 'y' }, uid: 'u', resourceVersion: '7' };
    const wanted = expect.objectContaining({ metadata: { name: 'a', namespace: 'b', labels: { x: 'y' } } });
    expect(toStored({ ...MIR, apiVersion: 'iot.mir/v1alpha', meta: null, metadata })).toEqual(wanted);
    expect(toStored({ ...MIR, meta: { labels: { x: 'y' } }, metadata: { name: 'a', namespace: 'b' } })).toEqual(wanted);
    expect(toStored({ ...MIR, meta: { name: 'a' }, metadata })).toEqual(wanted);
  });

  it('keeps fields that it does not know, for the server to judge', () => {
    expect(toStored({ ...MIR, properties: { wanted: {} }, extra: 1 })).toMatchObject({
      properties: { wanted: {} },
      extra: 1,
    });
  });

  it("leaves out kubectl's own annotation", () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', note: 'x' };
    expect(toStored({ ...MIR, meta: { name: 'a', annotations } })).toMatchObject({
      metadata: { annotations: { note: 'x' } },
    });
  });

  it.each<[claim: string, document: JsonObject, error: string]>([
    ['another kind', { ...MIR, kind: 'Device' }, 'is "Device" of "mir/v1alpha"; a twin has kind device'],
    ['another version', { ...MIR, apiVersion: 'v1' }, 'is "device" of "v1"'],
    ['no name', { ...MIR, meta: {} }, 'has no meta.name; give the device a name'],
    ['no meta', { apiVersion: 'mir/v1alpha', kind: 'device' }, 'has neither meta nor metadata'],
    ['two names', { ...MIR, metadata: { name: 'other' } }, 'has a meta.name and another metadata.name'],
    [
      'a field that meta has not',
      { ...MIR, meta: { name: 'a', label: {} } },
      'has meta.label; meta has name, namespace',
    ],
    ['a list for meta', { ...MIR, meta: [] }, 'has meta []; it is a map'],
  ])('refuses %s', (_, document, error) => {
    expect(() => toStored(document)).toThrow(ShapeError);
    expect(() => toStored(document)).toThrow(error);
  });
});

describe('toMir', () => {
  it('says nothing of what is not there', () => {
    expect(toMir({ metadata: { name: 'a' }, spec: { deviceId: 'd' } })).toEqual({
      apiVersion: 'mir/v1alpha',
      kind: 'device',
      meta: { name: 'a' },
      spec: { deviceId: 'd' },
    });
  });

  it("writes a twin as the documentation's first page does, field by field in its order", () => {
    const page = readFileSync(new URL('../../test/seed/page.txt', import.meta.url), 'utf8');
    const [first = ''] = /^apiVersion: mir\/v1alpha\n[\s\S]*?\n(?=\n)/m.exec(page) ?? [];
    const seed = load(first) as JsonObject & Record<'meta' | 'spec' | 'properties' | 'status', JsonObject>;
    const { desired, reported } = seed.properties as unknown as { desired: object; reported: object };
    const stored = {
      ...device(),
      metadata: { ...device().metadata, ...seed.meta },
      spec: seed.spec,
      properties: { desired },
      status: { ...seed.status, reported },
    } as unknown as Parameters<typeof toMir>[0];
    expect(JSON.stringify(toMir(stored))).toBe(JSON.stringify(seed));
  });
});
