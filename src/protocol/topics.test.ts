import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { PLAIN_KINDS } from './testing/kinds.ts';
import { createTopics, prefixFault } from './topics.ts';

const topics = createTopics();

describe('topics', () => {
  it('builds and parses every kind', () => {
    const deviceId = 'temp-sensor:01';
    const message = 'sensor.v1.SampleRate';
    for (const kind of PLAIN_KINDS) {
      expect(topics[kind](deviceId)).toBe(`mir/v1alpha/${deviceId}/${kind}`);
      expect(topics.parse(topics[kind](deviceId))).toEqual({ kind, deviceId });
    }
    expect(topics.parse(topics.reported(deviceId, message))).toEqual({ kind: 'reported', deviceId, message });
  });

  it.each([
    ['another prefix', 'mir/v1/d/state'],
    ['a prefix that only begins alike', 'mir/v1alphabet/d/state'],
    ['the prefix alone', 'mir/v1alpha'],
    ['no kind', 'mir/v1alpha/d'],
    ['an empty id', 'mir/v1alpha//state'],
    ['a wildcard as id', 'mir/v1alpha/+/state'],
    ['an id with a space', 'mir/v1alpha/a b/state'],
    ['an id beginning with a colon', 'mir/v1alpha/:d/state'],
    ['an id that is too long', `mir/v1alpha/${'d'.repeat(129)}/state`],
    ['an unknown kind', 'mir/v1alpha/d/nonsense'],
    ['a level too many', 'mir/v1alpha/d/state/x'],
    ['a reported without a name', 'mir/v1alpha/d/reported'],
    ['a reported with an empty name', 'mir/v1alpha/d/reported/'],
    ['a reported with a level too many', 'mir/v1alpha/d/reported/a.B/c'],
    ['a message name with a dash', 'mir/v1alpha/d/reported/a-b'],
    ['a message name with an empty part', 'mir/v1alpha/d/reported/a..B'],
    ['a prototype name', 'mir/v1alpha/d/reported/__proto__'],
    ['an inherited property', 'mir/v1alpha/d/reported/toString'],
    ['a constructor', 'mir/v1alpha/d/reported/constructor'],
    ['a topic over the limit', `mir/v1alpha/d/reported/${'a'.repeat(240)}`],
    ['NUL', 'mir/v1alpha/d\0/state'],
    ['nothing', ''],
  ])('does not know %s', (_, topic) => {
    expect(topics.parse(topic)).toBeUndefined();
  });

  it.each(['mir', 'mir/a/b', 'mir/', '/mir', '', 'mir/+', 'mir/#', 'mir/a b', 'mir/\0', '$SYS/mir', 'mir/\n'])(
    'refuses the prefix %j',
    (prefix) => {
      expect(() => createTopics(prefix)).toThrow(RangeError);
    },
  );

  it.each([
    '\u0000',
    '\u001f',
    '\u007f',
    '\u0085',
    '\u00a0',
    '\u200b',
    '\u2028',
    '\ufeff',
    '\ue000',
    '\ud800',
    '\ufffe',
    '\u{1ffff}',
  ])('refuses a prefix with %j', (character) => {
    const prefix = `mir/a${character}b`;
    expect(() => createTopics(prefix)).toThrow(RangeError);
    expect(prefixFault(prefix)).toContain('invisible characters');
  });

  it('takes another prefix, with its own topics only', () => {
    const other = createTopics('fleet/eu');
    expect(other.parse('fleet/eu/d/state')).toEqual({ kind: 'state', deviceId: 'd' });
    expect(other.parse('mir/v1alpha/d/state')).toBeUndefined();
  });

  it('never throws, and what it parses it also builds', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((tail) => `mir/v1alpha/${tail}`),
        ),
        (topic) => {
          const parsed = topics.parse(topic);
          if (parsed === undefined) return;
          const built =
            parsed.kind === 'reported'
              ? topics.reported(parsed.deviceId, parsed.message)
              : topics[parsed.kind](parsed.deviceId);
          expect(built).toBe(topic);
        },
      ),
    );
  });
});
