import { describe, expect, it } from '@jest/globals';
import { negotiate } from './media-types.ts';
import { parseTarget } from './target.ts';

describe('paths', () => {
  it.each([
    ['/apis/mir/v1alpha/devices', undefined, undefined, '/apis/iot.mir/v1alpha/devices'],
    ['/apis/mir/v1alpha/namespaces/a/devices', 'a', undefined, '/apis/iot.mir/v1alpha/namespaces/a/devices'],
    ['/apis/mir/v1alpha/namespaces/a/devices/b', 'a', 'b', '/apis/iot.mir/v1alpha/namespaces/a/devices/b'],
  ])('%s', (path, namespace, name, storedPath) => {
    expect(parseTarget(path)).toEqual({ namespace, name, subresource: undefined, storedPath });
  });
});

describe('what is accepted', () => {
  it.each([
    [undefined, 'application/json', 'json'],
    ['*/*', 'application/json', 'json'],
    ['application/yaml', 'application/json', 'yaml'],
    ['application/json;q=0.5,application/yaml', 'application/json,application/json', 'yaml'],
    [
      'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
      'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
      'json',
    ],
    [
      'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      'json',
    ],
  ])('%s', (header, accept, format) => {
    expect(negotiate(header)).toEqual({ accept, format });
  });
});
