import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import { BATTERY, bytes, birth, startTyped } from './testing/typed-term.ts';

describe('what a typed device reports', () => {
  it('has its defaults filled in', async () => {
    await using bed = await startTyped();
    bed.reports(BATTERY, { value: { voltage: 3.2 } });
    await bed.pass(2000);
    expect(bed.status().reported?.[BATTERY]).toEqual({ percentage: 0, voltage: 3.2 });
  });

  it('is refused with the path when it does not fit, and the decision counts all the same', async () => {
    await using bed = await startTyped();
    const value = { intervalSeconds: 'fast' };
    bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'rejected', reason: 'too fast', value });
    await bed.pass(2000);
    expect(await bed.badInput('InvalidValue')).toBe(1);
    expect(bed.status().reported?.[RATE]).toBeUndefined();
    expect(bed.sync(RATE)).toMatchObject({ state: 'Rejected', message: 'too fast' });
  });

  it('is kept as it is when the message is not in the schema', async () => {
    await using bed = await startTyped();
    bed.reports('other.v1.Thing', { value: { anything: 'goes' } });
    await bed.pass(2000);
    expect(bed.status().reported?.['other.v1.Thing']).toEqual({ anything: 'goes' });
  });

  it('before its schema was known is put into canonical form when it is', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth({ schema: undefined }));
    bed.reports(RATE, { value: { interval_seconds: '60' } });
    await bed.pass(2000);
    expect(bed.sync(RATE)?.state).toBe('Pending');
    bed.kube.schemas.register(bytes);
    bed.says(birth({ session: 's2' }));
    await bed.until(() => bed.sync(RATE)?.state === 'InSync', 5000);
    expect(bed.status().reported?.[RATE]).toEqual({ intervalSeconds: 60 });
  });
});
