import { describe, expect, it } from '@jest/globals';
import { observeWrite } from './own-writes.ts';
import { Store } from './store.ts';

const object = (resourceVersion: string, generation: number, uid = 'u') => ({
  metadata: { name: 'a', namespace: 'n', uid, resourceVersion, generation },
});

function observe(written: ReturnType<typeof object>) {
  const store = new Store<ReturnType<typeof object>>();
  store.upsert(object('5', 1));
  const told: string[] = [];
  observeWrite(store, written, ({ kind, key, isGenerationMoved }) => told.push(`${kind} ${key} ${isGenerationMoved}`));
  return { told, held: store.get('n/a')?.metadata.resourceVersion };
}

describe('the answer to a write of our own', () => {
  it('is held, and says nothing new when only what we wrote changed', () => {
    expect(observe(object('6', 1))).toEqual({ told: [], held: '6' });
  });

  it("tells of another's change that it brings along, because the watch will not", () => {
    expect(observe(object('7', 2))).toEqual({ told: ['updated n/a true'], held: '7' });
  });

  it('is nothing when the watch was faster, or the object is another one by now', () => {
    expect(observe(object('4', 1))).toEqual({ told: [], held: '5' });
    expect(observe(object('9', 2, 'another'))).toEqual({ told: [], held: '5' });
  });
});
