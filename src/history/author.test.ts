import { describe, expect, it } from '@jest/globals';
import type { ManagedFields } from '../api/managed-fields.ts';
import { OPERATOR_NAME } from '../api/operator-name.ts';
import { lastManager } from './author.ts';

const entry = (manager: string, time: string, fieldsV1: object): ManagedFields => ({
  manager,
  operation: 'Update',
  time: `2026-01-01T${time}Z`,
  fieldsV1,
});
const WANTED = { 'f:properties': { 'f:desired': { 'f:a.B': {} } } };
const STAMP = { 'f:metadata': { 'f:annotations': { 'f:iot.mir/author': {} } } };

describe('who wrote last', () => {
  it('is not the operator, which stamps the author of somebody else', () => {
    const managers = [entry('kubectl', '12:00:00', WANTED), entry(OPERATOR_NAME, '12:00:01', STAMP)];
    expect(lastManager(managers)).toEqual({ manager: 'kubectl', time: '2026-01-01T12:00:00Z' });
  });

  it.each([
    ['desires something', WANTED],
    ['disables it', { 'f:spec': { 'f:disabled': {} } }],
    ['has stamped it too', { ...STAMP, ...WANTED }],
  ])('is whoever calls himself as the operator does, where he %s', (_, fieldsV1) => {
    const managers = [entry('flux', '12:00:00', { 'f:spec': {} }), entry(OPERATOR_NAME, '12:00:01', fieldsV1)];
    expect(lastManager(managers)).toEqual({ manager: OPERATOR_NAME, time: '2026-01-01T12:00:01Z' });
  });
});
