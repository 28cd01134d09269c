import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import { document, rate, RATE } from '../../test/gen/device.ts';

describe('an object that is applied', () => {
  it('is published once, and only after a page has shown what the broker holds', async () => {
    await using bed = await startTerm();
    bed.broker.pageDelayMs = 1000;
    bed.apply({ desired: rate(60) });
    await bed.pass(999);
    expect(bed.documents()).toEqual([]);
    await bed.pass(1000);
    expect(bed.documents()).toMatchObject([{ messages: { [RATE]: { revision: 1, value: { intervalSeconds: 60 } } } }]);
    expect(bed.condition('Ready')).toBe('True/Published');
  });

  it('is not published again when an equal document stands there', async () => {
    await using bed = await startTerm();
    bed.holds(document(60, 1));
    bed.apply({ desired: rate(60) });
    await bed.pass(5000);
    expect(bed.documents()).toEqual([]);
    expect(bed.condition('Ready')).toBe('True/Published');
  });
});
