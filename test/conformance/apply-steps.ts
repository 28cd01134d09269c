import type { Step } from './exchange.ts';

export const DEVICES = '/apis/iot.mir/v1alpha/namespaces/{ns}/devices';
export const gadgetPath = (version: string): string => `/apis/test.mir/${version}/namespaces/{ns}/gadgets`;

export type Parts = Readonly<Record<string, unknown>>;

export const device = (parts: Parts = {}): Parts => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  ...parts,
  metadata: { name: 'a', ...(parts['metadata'] as object | undefined) },
});
export const gadget = (spec: unknown, more: Parts = {}): Parts => ({
  apiVersion: 'test.mir/v1',
  kind: 'Gadget',
  ...(spec === undefined ? {} : { spec }),
  ...more,
  metadata: { name: 'a', ...(more['metadata'] as object | undefined) },
});

/** Sent by `manager`; `more` is the rest of the query. */
export const applied = (path: string, manager: string, body: unknown, more = ''): Step => ({
  method: 'PATCH',
  path: `${path}?fieldManager=${manager}${more}`,
  type: 'apply',
  body,
});
export const apply = (manager: string, body: unknown, more = ''): Step => applied(`${DEVICES}/a`, manager, body, more);
export const applyGadget = (manager: string, spec: unknown, more = ''): Step =>
  applied(`${gadgetPath('v1')}/a`, manager, gadget(spec), more);
export const merge = (path: string, manager: string, body: unknown): Step => ({
  method: 'PATCH',
  path: `${path}?fieldManager=${manager}`,
  type: 'merge',
  body,
});
export const mergeGadget = (manager: string, spec: unknown): Step => merge(`${gadgetPath('v1')}/a`, manager, { spec });
export const post = (manager: string, body: unknown): Step => ({
  method: 'POST',
  path: `${DEVICES}?fieldManager=${manager}`,
  body,
});
/** Creates a device that brings an entry of managedFields along. */
export const owned = (entry: Parts): Step =>
  post(
    'one',
    device({
      spec: SPEC,
      metadata: { managedFields: [{ apiVersion: 'iot.mir/v1alpha', fieldsType: 'FieldsV1', ...entry }] },
    }),
  );
export const get: Step = { method: 'GET', path: `${DEVICES}/a` };
export const getGadget: Step = { method: 'GET', path: `${gadgetPath('v1')}/a` };
export const prepared = (step: Step): Step => ({ ...step, isPreparation: true });
export const remembered = (step: Step): Step => ({ ...step, isPreparation: true, remember: true });

export const SPEC = { deviceId: '{ns}-a' };
export const rate = (intervalSeconds: number): Parts => ({ 'sensor.v1.SampleRate': { intervalSeconds } });
export const LIMITS = { 'sensor.v1.AlertThreshold': { maxTemp: 25, minTemp: 18 } };
export const desired = (messages: Parts): Parts => ({ properties: { desired: messages } });
export const whole = device({ spec: SPEC, ...desired(rate(60)) });
