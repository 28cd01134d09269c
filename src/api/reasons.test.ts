import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { BAD_INPUT } from './bad-input.ts';
import { CONDITION_TYPES, EVENT_REASONS, REASONS, RETIRED_REASONS, factsOf, factsOfCondition } from './reasons.ts';
import type { Reason } from './reasons.ts';

const reasons = Object.keys(REASONS) as Reason[];

describe('the tables of reasons', () => {
  it('give no retired reason another meaning', () => {
    const given = [...reasons, ...Object.keys(BAD_INPUT), ...Object.keys(EVENT_REASONS)];
    expect(given.filter((reason) => (RETIRED_REASONS as readonly string[]).includes(reason))).toEqual([]);
  });

  it('name a remedy for everything that a person must act on', () => {
    expect(reasons.filter((reason) => factsOf(reason).stalls && factsOf(reason).remedy === undefined)).toEqual([]);
  });

  it('tell everything that stalls by an event, and let it hold Ready back', () => {
    const stalling = reasons.map(factsOf).filter(({ stalls }) => stalls);
    expect(stalling.filter(({ event, on }) => event !== 'Warning' || !on.includes('Ready'))).toEqual([]);
  });

  it('are in CamelCase, which metrics, events and conditions take', () => {
    const given = [...reasons, ...Object.keys(BAD_INPUT), ...Object.keys(EVENT_REASONS)];
    expect(given.filter((reason) => !/^([A-Z][a-z]*[0-9]*)+$/.test(reason))).toEqual([]);
  });

  it('have every condition of a device, as the CRD has', () => {
    const crd = readFileSync(new URL('../../crds/devices.iot.mir.yaml', import.meta.url), 'utf8');
    const [, description = ''] = /conditions:\n\s+type: array\n\s+description: >-\n([\s\S]*?)maxItems/.exec(crd) ?? [];
    const ofDevices = CONDITION_TYPES.filter((type) => factsOfCondition(type).ofSchema !== true);
    expect(ofDevices.filter((type) => !description.includes(type))).toEqual([]);
  });

  it('give every condition a reason, but those that have the reason of Ready', () => {
    const places: readonly string[] = reasons.flatMap((reason) => factsOf(reason).on);
    expect(CONDITION_TYPES.filter((type) => !places.includes(type))).toEqual(['Reconciling', 'Stalled']);
  });
});
