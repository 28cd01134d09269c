import { describe, expect, it } from '@jest/globals';
import type { Owner } from '../protocol/envelopes.ts';
import { isOurs, mayReplace } from './ownership.ts';

const owner = (cluster: string, namespace: string): Owner => ({ cluster, namespace, name: 'pump', uid: 'u' });

describe('whose document it is', () => {
  it.each([
    ['this cluster, all namespaces', owner('here', 'plant'), undefined, [], true, true],
    ['this cluster, the watched namespace', owner('here', 'plant'), 'plant', [], true, true],
    ['this cluster, another namespace', owner('here', 'lab'), 'plant', [], false, false],
    ['another cluster', owner('there', 'plant'), undefined, [], false, false],
    ['another cluster, same namespace watched', owner('there', 'plant'), 'plant', [], false, false],
    ['a cluster that is taken over', owner('there', 'plant'), undefined, ['there'], false, true],
    ['a cluster other than the one taken over', owner('elsewhere', 'plant'), undefined, ['there'], false, false],
    ['any cluster, when all are taken over', owner('elsewhere', 'plant'), 'plant', ['*'], false, true],
    ['another namespace, when this cluster is taken over', owner('here', 'lab'), 'plant', ['here'], false, true],
  ])('%s', (_whose, of, namespace, takeOver, ours, replaceable) => {
    const scope = { cluster: 'here', namespace, takeOver };
    expect([isOurs(of, scope), mayReplace(of, scope)]).toEqual([ours, replaceable]);
  });
});
