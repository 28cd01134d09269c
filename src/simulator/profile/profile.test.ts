import { describe, expect, it } from '@jest/globals';
import { parseProfile, readProfile, scaled } from './profile.ts';

const parse = (text: string) => parseProfile(text, 'p.yaml');
const withBehaviour = (text: string) => parse(`groups: [{name: a, behaviours: [${text}]}]`);

describe('a profile', () => {
  it('has groups with defaults', () => {
    const [group] = parse('groups: [{name: sensor, count: 3}]').groups;
    expect(group).toMatchObject({ name: 'sensor', count: 3, id: 'sensor-{n}', heartbeat: 10_000, behaviours: [] });
  });

  it.each([
    ['groups: 5', 'p.yaml: groups: write a list of groups'],
    ['groups: []', 'p.yaml: groups: write at least one group'],
    ['devices: 5', 'p.yaml: there is no devices here; see src/simulator/README.md'],
    ['groups: [{count: 1}]', 'p.yaml: groups[0].name: write a name'],
    ['groups: [{name: a b}]', 'p.yaml: groups[0].name: write a name'],
    ['groups: [{name: a, cuont: 1}]', 'p.yaml: groups[0]: there is no cuont here'],
    ['groups: [{name: a, count: 0}]', 'p.yaml: groups[0].count: write at least 1'],
    ['groups: [{name: a, count: 2, id: same}]', 'p.yaml: groups[0].id: 2 devices cannot share the id same; put {n}'],
    ['groups: [{name: a, id: "a/{n}"}]', 'p.yaml: groups[0].id: a/1 is no device id; use letters'],
    ['groups: [{name: a, heartbeat: 10}]', 'p.yaml: groups[0].heartbeat: write a duration such as 500ms'],
    ['groups: [{name: a}, {name: a}]', 'p.yaml: two groups are named a; give each a name of its own'],
    ['groups: [{name: a, desired: {x y: {}}}]', 'p.yaml: groups[0].desired.x y: write a message name'],
    ['groups: [', 'p.yaml is not YAML'],
  ])('that is %j is refused with path and remedy', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  it.each([
    ['{}', 'groups[0].behaviours[0].kind: a behaviour needs a kind; use one of apply, report, offline'],
    ['{kind: lie}', 'groups[0].behaviours[0].kind: there is no kind lie; use one of apply, report, offline'],
    ['{kind: flap, every: 5s}', 'groups[0].behaviours[0].for: write a duration'],
    ['{kind: flap, every: 5s..1s, for: 1s}', 'groups[0].behaviours[0].every: write a duration'],
    ['{kind: flap, every: 5s, for: 1s, now: 1}', 'groups[0].behaviours[0]: there is no now here'],
    ['{kind: storm, at: []}', 'groups[0].behaviours[0].at: '],
    [
      '{kind: report, message: a.B, every: 1s, value: {x: {$wlak: [1, 2]}}}',
      'groups[0].behaviours[0].value.x: {"$wlak":[1,2]} makes no value; use $range, $walk',
    ],
  ])('with the behaviour %j is refused', (text, message) => {
    expect(() => withBehaviour(text)).toThrow(message);
  });

  it('that is not there is named', () => {
    expect(() => readProfile('/nowhere/p.yaml')).toThrow('--profile /nowhere/p.yaml cannot be read');
  });

  it.each([
    [5000, [4000, 1000]],
    [7, [5, 2]],
    [2, [1, 1]],
  ])('scaled to %i devices keeps its proportions', (total, counts) => {
    const profile = parse('groups: [{name: a, count: 40}, {name: b, count: 10}]');
    const result = scaled(profile, total).groups.map(({ count }) => count);
    expect(result.reduce((sum, count) => sum + count)).toBe(total);
    for (const [index, count] of counts.entries())
      expect(Math.abs((result[index] ?? 0) - count)).toBeLessThanOrEqual(1);
  });

  it('cannot be scaled below one device a group', () => {
    const profile = parse('groups: [{name: a}, {name: b}]');
    expect(() => scaled(profile, 1)).toThrow('--devices 1 are too few for 2 groups');
  });
});
