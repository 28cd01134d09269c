import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { StatusError } from '../../api/status-error.ts';
import { Gate } from './gate.ts';
import { negotiate } from './media-types.ts';
import { Share } from './share.ts';
import { parseTarget } from './target.ts';

const signal = new AbortController().signal;

describe('the gate', () => {
  it('lets in as many as it may, then those who wait in line, and refuses the rest', async () => {
    const gate = new Gate({ active: 1, waiting: 1, watches: 1 });
    const leave = await gate.enter(signal);
    const order: string[] = [];
    const second = gate.enter(signal).then((done) => {
      order.push('second');
      return done;
    });
    await expect(gate.enter(signal)).rejects.toThrow('too many requests');
    expect(order).toEqual([]);
    leave();
    leave();
    (await second)();
    (await gate.enter(signal))();
    expect(order).toEqual(['second']);
  });

  it('forgets whoever leaves the line', async () => {
    const gate = new Gate({ active: 1, waiting: 1, watches: 1 });
    const leave = await gate.enter(signal);
    const gone = new AbortController();
    const waiting = gate.enter(gone.signal);
    gone.abort();
    await expect(waiting).rejects.toThrow('the client has gone');
    const next = gate.enter(signal);
    leave();
    (await next)();
  });

  it('counts watches by themselves', () => {
    const gate = new Gate({ active: 0, waiting: 0, watches: 1 });
    const close = gate.openWatch();
    expect(() => gate.openWatch()).toThrow(StatusError);
    close();
    gate.openWatch()();
  });
});

describe('the share of the thread', () => {
  it('is paid for with rest, half of the time', async () => {
    const clock = new FakeClock();
    const share = new Share(clock, 0.5);
    const stop = new AbortController();
    let doneMs = 0;
    const working = (async () => {
      while (!stop.signal.aborted) {
        await share.rest(stop.signal);
        share.work(() => clock.spend(1));
        doneMs += 1;
      }
    })();
    while (clock.monotonic() < 2000) await clock.advance(1);
    stop.abort();
    await working;
    expect(doneMs).toBeGreaterThan(900);
    expect(doneMs).toBeLessThan(1100);
  });

  it('is not waited for by those who ask seldom', () => {
    const clock = new FakeClock();
    const share = new Share(clock, 0.5);
    for (let times = 0; times < 100; times += 1) {
      share.charge(0.4);
      expect(share.rest(signal)).toBeUndefined();
      clock.spend(1);
    }
  });
});

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
