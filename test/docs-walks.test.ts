/** The two walks of docs/architecture.md are taken, and what ran is compared with what the page names. */
import { existsSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startTerm } from './fakes/term-bed.ts';
import { RATE, device, rate } from './gen/device.ts';

const ROOT = join(import.meta.dirname, '..');
/** Words, small tools, what counts and logs; and the wiring, whose one function that runs does nothing. */
const NOT_COUNTED = ['api', 'base', 'protocol', 'schema', 'telemetry', 'leader'];
/** In whose place the bed has fakes. */
const FAKED = ['kube', 'mqtt'];

interface Walk {
  readonly files: number;
  readonly rooms: number;
  readonly asked: number;
  /** The files of the table, as `room/file.ts`. */
  readonly way: readonly string[];
  readonly asks: readonly string[];
}

const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
const WALK =
  /^\*\*A .*, in (\d+) files and (\d+) rooms, which ask (\d+) files more:\n\n((?:\|.*\n)+)\nThey ask: ((?:.+\n)+)/gm;
const [desired, report] = [...page.matchAll(WALK)].map(([, files, rooms, asked, table = '', asks = '']): Walk => {
  const rows = [...table.matchAll(/^\| `([\w-]+)` \| (.+?) \|/gm)];
  const named = (text: string): string[] => [...text.matchAll(/`([\w/-]+\.ts)`/g)].map(([, file = '']) => file);
  return {
    files: Number(files),
    rooms: Number(rooms),
    asked: Number(asked),
    way: rows.flatMap(([, room, cell = '']) => named(cell).map((file) => `${room}/${file}`)),
    asks: named(asks),
  };
});

/** The files of src in which a function ran during `act`. */
async function ranDuring(act: () => Promise<void>): Promise<string[]> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    await act();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const ran = result.filter(({ functions }) =>
      functions.some(({ functionName, ranges }) => functionName !== '' && (ranges[0]?.count ?? 0) > 0),
    );
    const files = ran.flatMap(({ url }) => /\/src\/((?!dev\/).+\.ts)$/.exec(url)?.[1] ?? []);
    return [...new Set(files)].filter((file) => !NOT_COUNTED.includes(file.split('/')[0] ?? '')).toSorted();
  } finally {
    session.disconnect();
  }
}

/** A device that is there, and whose twin is in sync. */
async function startInSync() {
  const bed = await startTerm([device({ desired: rate(60) })]);
  bed.says({ v: 1, online: true, session: 's1' });
  await bed.pass(2000);
  const { uid } = bed.object()?.metadata ?? {};
  const answers = (revision: number, seconds: number): void =>
    bed.reports(RATE, { uid: uid ?? '', revision, status: 'applied', value: { intervalSeconds: seconds } });
  answers(1, 60);
  await bed.pass(5000);
  return { bed, answers };
}

const ownFiles = ({ way, asks }: Walk): string[] =>
  [...way, ...asks].filter((file) => !FAKED.includes(file.split('/')[0] ?? '')).toSorted();

describe('the walks of docs/architecture.md', () => {
  it('are counted, and go through files that are there', () => {
    for (const walk of [desired, report]) {
      if (walk === undefined) throw new Error('a walk is missing');
      expect([...walk.way, ...walk.asks].filter((file) => !existsSync(join(ROOT, 'src', file)))).toEqual([]);
      const rooms = new Set(walk.way.map((file) => file.split('/')[0])).size;
      expect([walk.way.length, rooms, walk.asks.length]).toEqual([walk.files, walk.rooms, walk.asked]);
    }
  });

  it('name every file that a desired value goes through, and no other', async () => {
    const { bed } = await startInSync();
    await using _ = bed;
    const ran = await ranDuring(async () => {
      bed.apply({ desired: rate(70) });
      // Less than Pending waits for the device's answer, and than the next tick of the clock.
      await bed.pass(1);
    });
    expect(bed.document()?.messages[RATE]).toMatchObject({ revision: 2 });
    expect(ran).toEqual(desired && ownFiles(desired));
  });

  it('name every file that a report goes through, and no other', async () => {
    const { bed, answers } = await startInSync();
    await using _ = bed;
    bed.apply({ desired: rate(70) });
    await bed.pass(5000);
    expect(bed.sync(RATE)?.state).toBe('Pending');
    const ran = await ranDuring(async () => {
      answers(2, 70);
      await bed.pass(1);
    });
    expect(bed.sync(RATE)?.state).toBe('InSync');
    expect(ran).toEqual(report && ownFiles(report));
  });
});
