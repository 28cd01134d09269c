/** What a broker cannot do is said where it matters, and never taken for done. */
import { describe, expect, it } from '@jest/globals';
import { startTerm, TermBed } from '../../test/fakes/term-bed.ts';
import { device, document, rate } from '../../test/gen/device.ts';
import { PROVEN, UNPROVEN } from '../broker/probe.ts';

const SHORTCOMING = 'it shows retained messages to no filter with wildcards; use another broker';

describe('a broker that acknowledges documents and shows none', () => {
  it('is never said to hold one, and the object says why', async () => {
    await using bed = new TermBed();
    bed.broker.findings = { ...UNPROVEN, shortcoming: SHORTCOMING };
    bed.kube.apply(device({ desired: rate(60) }));
    bed.broker.pageScript.push(...Array.from({ length: 200 }, () => 'blind' as const));
    bed.broker.connect();
    const said = new Set<string>();
    for (let at = 0; at < 200; at += 1) {
      await bed.pass(100);
      said.add(bed.condition('Ready'));
    }
    expect([...said].filter((ready) => ready.startsWith('True'))).toEqual([]);
    expect(bed.condition('Ready')).toBe('False/NotRetained');
    expect(JSON.stringify(bed.status().conditions)).toContain(SHORTCOMING);
  });

  it('is believed of every document that a page shows', async () => {
    await using bed = await startTerm();
    bed.broker.findings = UNPROVEN;
    bed.apply({ desired: rate(60) });
    await bed.pass(2000);
    expect(bed.condition('Ready')).toBe('True/Published');
    expect(bed.documents()).toHaveLength(1);
  });
});

describe('a broker that shows what is stored as if it were live, but at QoS 0', () => {
  const asMoquette = (bed: TermBed, pageQos: 0 | 1): TermBed => {
    bed.broker.isStoredAsLive = true;
    bed.broker.findings = { ...PROVEN, pageQos };
    return bed;
  };

  it.each([
    ['gets nothing again from the next operator, whose pages it has shown', 0, 0],
    ['would get all of it again if pages were read at QoS 1', 1, 1],
  ] as const)('%s', async (_name, pageQos, publishes) => {
    const first = asMoquette(await startTerm([device({ desired: rate(60) })]), 0);
    await first.pass(2000);
    expect(first.documents()).toHaveLength(1);
    const held = first.document();
    await first.end();
    await using next = asMoquette(new TermBed({}, first.kube), pageQos);
    if (held !== undefined) next.holds(held);
    next.broker.connect();
    await next.pass(30_000);
    expect(next.documents()).toHaveLength(publishes);
    expect(next.condition('Ready')).toBe('True/Published');
  });

  it('tells what a page did not show, and believes a document of it', async () => {
    await using bed = asMoquette(new TermBed(), 0);
    bed.holds(document(60, 7));
    bed.kube.apply(device({ desired: rate(60), generation: 9 }));
    bed.broker.connect();
    await bed.pass(5000);
    expect(bed.documents()).toEqual([]);
    expect(bed.sync('sensor.v1.SampleRate')?.revision).toBe(7);
  });
});

describe('a broker where # does not match the level above it', () => {
  it('is searched level by level for documents whose object is gone', async () => {
    await using bed = new TermBed();
    bed.broker.findings = { ...PROVEN, matchesParentLevel: false };
    bed.holds(document(60, 1));
    bed.broker.connect();
    await bed.pass(10_000);
    expect(bed.broker.pages.filter(([filter]) => filter?.includes('+'))).toEqual([['mir/v1alpha/+/+']]);
    expect(bed.broker.keptTopics).toEqual([]);
  });

  it('does not bring back what was stored before it was heard', async () => {
    await using bed = new TermBed();
    bed.broker.findings = { ...PROVEN, matchesParentLevel: false };
    bed.kube.apply(device());
    bed.broker.connect();
    await bed.pass(60_000);
    bed.says({ online: true, session: 's1' });
    bed.says({ online: false, session: 's1' });
    await bed.pass(1000);
    bed.broker.deliverStored('mir/v1alpha/sensor-01/state', '{"online":true,"session":"s1"}');
    await bed.pass(1000);
    expect(bed.condition('Online')).toBe('False/Goodbye');
  });
});
