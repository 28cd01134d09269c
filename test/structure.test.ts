/** The imports follow the flow of data: one way, without cycles. What is built stays small enough to be read. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const SRC = join(import.meta.dirname, '..', 'src');

/** What all rooms may import: words and small tools. */
const VOCABULARY = ['api', 'base', 'protocol', 'schema'];
/** The API server, and what is wanted of a broker; who brings that there, over `mqtt`, is for the wiring. */
const TRANSPORT = ['kube', 'broker'];
const MACHINERY = ['cache', 'workqueue', 'controller'];
/** State is the ground, flows stand on it, flows do not know each other (decision 0061). */
const GROUND = ['document', 'presence', 'twin'];
const FLOWS = [
  'downstream',
  'upstream',
  'status',
  'liveness',
  'readback',
  'schema-registry',
  'provisioning',
  'history',
];
const FLOW_IMPORTS = [...VOCABULARY, ...TRANSPORT, ...MACHINERY, ...GROUND];

/** What each room may import, beside itself. A room is a folder of src, a file at its top, or a folder within that stands here by itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  api: [],
  openapi: [],
  'mir-shape': ['api', 'openapi'],
  protocol: ['api', 'base'],
  // Protobuf schemas: pure, shared by the operator and the device's side.
  schema: ['api', 'base', 'protocol'],
  kubeconfig: ['api', 'base'],
  kube: ['api', 'base', 'kubeconfig'],
  broker: ['base', 'protocol'],
  mqtt: ['base', 'broker'],
  workqueue: ['api', 'base'],
  cache: ['api', 'base', 'kube'],
  controller: ['api', 'base', 'kube', 'workqueue'],
  // Pure: the desired document.
  document: ['api', 'base', 'protocol', 'schema'],
  // Pure: whether a device is there.
  presence: ['api', 'base', 'protocol'],
  // What is known of a device; no I/O, so neither transport.
  twin: [...VOCABULARY, 'cache', 'document', 'presence'],
  ...Object.fromEntries(FLOWS.map((flow) => [flow, FLOW_IMPORTS])),
  config: ['base', 'protocol'],
  telemetry: ['api', 'base', 'protocol', 'cache', 'controller', 'kube', 'twin', 'workqueue'],
  leader: [...VOCABULARY, ...TRANSPORT, ...MACHINERY, ...GROUND, ...FLOWS, 'config', 'telemetry', 'mqtt'],
  // Serving certificates that the operator issues and renews by itself.
  certificates: ['api', 'base', 'kube'],
  // The Mir view: an API server of its own that stores nothing, and so needs nothing of what is known of devices.
  'facade/gate': ['api', 'base'],
  'facade/http': ['api', 'base', 'kube', 'mir-shape', 'facade/gate'],
  facade: ['api', 'base', 'certificates', 'kube', 'kubeconfig', 'facade/gate', 'facade/http'],
  // The process: it wires the rooms, and only it does.
  operator: [
    ...VOCABULARY,
    ...TRANSPORT,
    ...MACHINERY,
    ...GROUND,
    ...FLOWS,
    'config',
    'telemetry',
    'leader',
    'facade',
    'kubeconfig',
  ],
  main: ['base', 'config', 'operator'],
  // The device's side knows no Kubernetes.
  sdk: VOCABULARY,
  simulator: [...VOCABULARY, 'sdk'],
  // The plugin: a client of the API server, as kubectl is.
  'cli/base': ['api', 'base', 'kube', 'kubeconfig', 'mir-shape'],
  'cli/fleet': ['api', 'base', 'kube', 'mir-shape', 'schema', 'cli/base'],
  'cli/render': ['api', 'protocol', 'cli/base', 'cli/fleet'],
  'cli/bulk': ['api', 'base', 'kube', 'schema', 'document', 'cli/base', 'cli/fleet', 'cli/render'],
  'cli/complete': ['api', 'kube', 'kubeconfig', 'schema', 'cli/base', 'cli/fleet'],
  'cli/commands': ['api', 'base', 'kube', 'mir-shape', 'schema', 'cli/base', 'cli/bulk', 'cli/fleet', 'cli/render'],
  cli: ['base', 'kube', 'cli/base', 'cli/commands', 'cli/complete'],
  dev: ['api', 'base', 'config', 'kube', 'kubeconfig', 'openapi', 'operator', 'sdk', 'simulator'],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every import of a file of src by another that is not a test. */
const imports: readonly Import[] = globSync('**/*.ts', { cwd: SRC })
  .filter((file) => !file.endsWith('.test.ts') && !file.includes('/testing/'))
  .flatMap((from) =>
    [...readFileSync(join(SRC, from), 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g)].map(([, path]) => ({
      from,
      to: relative(SRC, join(SRC, dirname(from), path ?? '')),
    })),
  );

/** The innermost folder that the table names. */
function roomOf(file: string): string {
  if (!file.includes('/')) return file.replace(/\.ts$/, '');
  let room = dirname(file);
  while (MAY_IMPORT[room] === undefined && room.includes('/')) room = dirname(room);
  return room;
}

describe('the imports of src', () => {
  it('are all seen by this test', () => {
    expect(imports.length).toBeGreaterThan(300);
    expect(
      [...new Set(imports.map(({ from }) => roomOf(from)))].filter((room) => MAY_IMPORT[room] === undefined),
    ).toEqual([]);
  });

  it('go one way', () => {
    const wrong = imports.filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      return room !== other && MAY_IMPORT[room]?.includes(other) !== true;
    });
    expect(wrong.map(({ from, to }) => `${from} imports ${to}: ${roomOf(from)} may not import ${roomOf(to)}`)).toEqual(
      [],
    );
  });

  it('have no cycle', () => {
    const targets = Map.groupBy(imports, ({ from }) => from);
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (path.includes(file) || done.has(file)) return;
      for (const { to } of targets.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const { from } of imports) visit(from, []);
    expect(cycles).toEqual([]);
  });
});

/** Worlds of their own: the embedded one, protobuf, and the device's side. */
const LARGE_ROOMS = ['dev', 'schema', 'sdk', 'simulator'];
const MOST_LINES = 1500;
const MOST_MEMBERS = 8;

const production = globSync('**/*.ts', { cwd: SRC }).filter(
  (file) => !file.endsWith('.test.ts') && !file.includes('/testing/'),
);
const linesOf = (file: string): number => readFileSync(join(SRC, file), 'utf8').split('\n').length - 1;

interface Declared {
  readonly file: string;
  readonly name: string;
  readonly parents: readonly string[];
  /** Members of its own. */
  readonly own: number;
}

const INTERFACE = /^(?:export )?interface (\w+)(?:<[^{]*>)?(?: extends ([^{]+))? \{([\s\S]*?)^\}/gm;

const interfaces: readonly Declared[] = production.flatMap((file) =>
  [...readFileSync(join(SRC, file), 'utf8').matchAll(INTERFACE)].map(([, name = '', parents = '', body = '']) => ({
    file,
    name,
    parents: parents.split(/,(?![^<]*>)/).map((parent) => parent.trim()),
    own: body.match(/^ {2}(?:readonly )?\w+\??[(:<]/gm)?.length ?? 0,
  })),
);

function membersOf({ file, parents, own }: Declared): number {
  return parents.reduce((sum, parent) => sum + membersOfParent(parent, file), own);
}

/** `parent`: a name, or what Omit or Pick make of one. */
function membersOfParent(parent: string, file: string): number {
  const [, how, whole = parent, keys = ''] = /^(Omit|Pick)<(\w+),([^>]*)>$/.exec(parent) ?? [];
  const picked = keys.split('|').length;
  if (how === 'Pick') return picked;
  const named = interfaces.filter(({ name }) => name === whole);
  const declared = named.find((one) => one.file === file) ?? named[0];
  if (declared === undefined) return 0;
  return membersOf(declared) - (how === 'Omit' ? picked : 0);
}

describe('the house', () => {
  it('has every room in the table of docs/architecture.md', () => {
    const [, table = ''] = readFileSync(join(SRC, '../docs/architecture.md'), 'utf8').split('\n## ');
    const missing = Object.keys(MAY_IMPORT).filter((room) => !table.includes(`\`${room.split('/').at(-1)}`));
    expect(missing).toEqual([]);
  });

  it('has no room over 1,500 lines, tests not counted', () => {
    const rooms = Map.groupBy(production, roomOf);
    const large = [...rooms]
      .map(([room, own]) => ({ room, lines: own.reduce((sum, file) => sum + linesOf(file), 0) }))
      .filter(({ room, lines }) => lines > MOST_LINES && !LARGE_ROOMS.includes(room));
    expect(large).toEqual([]);
  });

  it('has no bag of options, ports or parts over eight members', () => {
    // What the SDK takes is for the authors of devices, who read it as one page.
    const wiring = interfaces.filter(({ file }) => file !== 'sdk/options.ts');
    const bags = wiring.filter(({ name }) => /(?:Deps|Options|Ports|Parts|Setup)$/.test(name));
    expect(bags.length).toBeGreaterThan(50);
    const lead = bags.find(({ name }) => name === 'LeadPorts');
    expect(lead?.parents).toEqual(["Omit<TermPorts, 'broker' | 'names'>"]);
    const large = bags.filter((bag) => membersOf(bag) > MOST_MEMBERS);
    expect(large.map((bag) => `${bag.file}: ${bag.name} has ${membersOf(bag)}`)).toEqual([]);
  });
});

/** Which rooms may call what changes a slice of a device's memory. */
const CHANGED_BY: Readonly<Record<string, readonly string[]>> = {
  stepCopy: ['twin'],
  takeOwnership: ['twin', 'status'],
  changePresence: ['upstream', 'liveness'],
  replacePresence: ['twin', 'liveness'],
  noteHolder: ['twin', 'downstream'],
  noteSchema: ['twin', 'schema-registry'],
  noteHeardAway: ['twin'],
  beginWithdrawal: ['twin', 'readback'],
  'presenceSlot.change': ['twin'],
  'presenceSlot.replace': ['twin'],
  'presenceSlot.planLook': ['liveness'],
  'presenceSlot.count': ['liveness'],
  'presenceSlot.calmDown': ['status'],
  'presenceSlot.noteWrite': ['status'],
  'inbox.put': ['upstream'],
  'inbox.beginSession': ['upstream'],
  'inbox.noteReported': ['upstream'],
  'inbox.noteCleared': ['twin'],
  'inbox.noteCarried': ['status'],
  'inbox.noteCutDown': ['status'],
  'retained.hear': ['upstream'],
  'retained.openWindow': ['readback'],
  'retained.closeWindow': ['readback', 'twin'],
  'retained.closeWindowAt': ['readback'],
  'retained.closeDueWindow': ['readback'],
  'retained.believe': ['twin'],
  'retained.noteRead': ['readback'],
  'retained.beginPage': ['readback'],
  'retained.noteShownReport': ['upstream'],
  'retained.noteAnnounced': ['upstream'],
  'retained.takeIncomplete': ['upstream'],
  'stateGap.noteCleared': ['twin', 'downstream'],
  'stateGap.noteUnwatched': ['twin'],
  'stateGap.noteAsked': ['upstream'],
  'stateGap.noteUnasked': ['twin'],
  'stateGap.close': ['upstream'],
  'revisions.noteKnown': ['twin', 'downstream'],
  'revisions.noteReissued': ['downstream'],
  'revisions.isPlausible': ['upstream'],
  'revisions.claimByBirth': ['upstream'],
  'revisions.claimByReport': ['status'],
  'revisions.beginSession': ['upstream'],
  'revisions.forgetOwner': ['twin'],
  'withdrawal.noteGone': ['twin', 'downstream'],
  'status.awaitAnswer': ['downstream'],
  'status.dueHeartbeat': ['liveness'],
  'status.noteStatus': ['twin'],
  'status.noteStrange': ['twin'],
  'status.noteHeartbeatWritten': ['status'],
  'status.beginWrite': ['status'],
  'status.endWrite': ['status'],
  'status.noteAnswer': ['status'],
  'status.noteUnchanged': ['status'],
  'status.noteRefused': ['status'],
  'status.noteTaken': ['status'],
  'status.forgetOwner': ['twin'],
  'writePace.note': ['status'],
  'writePace.noteLook': ['status', 'downstream'],
  'withdrawal.noteReport': ['upstream'],
  'withdrawal.noteCleared': ['downstream'],
};
const READS = [
  'inbox.has',
  'inbox.peek',
  'inbox.isDropped',
  'inbox.wasCleared',
  'withdrawal.isGone',
  'writePace.restMs',
  'writePace.waitMs',
];

/** What the memory itself is asked for, and the slice that it changes. */
const SLICE_OF: Readonly<Record<string, string>> = {
  stepCopy: 'copy',
  takeOwnership: 'owner',
  noteHolder: 'owner',
  noteSchema: 'owner',
  noteHeardAway: 'owner',
  changePresence: 'presenceSlot',
  replacePresence: 'presenceSlot',
  beginWithdrawal: 'withdrawal',
};

const SLICES = ['inbox', 'retained', 'stateGap', 'revisions', 'status', 'writePace', 'presenceSlot', 'withdrawal'];
const sourceOf = (file: string): string => readFileSync(join(SRC, file), 'utf8');
const files = [...new Set(imports.map(({ from }) => from))];

describe('the memory of a device', () => {
  it('has no field that anyone outside its class could assign', () => {
    const open = globSync('{twin,presence}/*.ts', { cwd: SRC })
      .filter((file) => !file.endsWith('.test.ts'))
      .flatMap((file) => {
        const classes = sourceOf(file).match(/^export class [\s\S]*?^}/gm) ?? [];
        return classes.flatMap((text) => text.match(/^ {2}\w+(?:\??: [^=;(]+| =[^;]*)(?:=[^;]*)?;$/gm) ?? []);
      });
    expect(open).toEqual([]);
  });

  it('shows nothing of a slice that could be changed past the slice', () => {
    const texts = globSync('{twin,presence}/*.ts', { cwd: SRC })
      .filter((file) => !file.endsWith('.test.ts'))
      .map(sourceOf);
    const classes = texts.flatMap((text) => [...text.matchAll(/^export class (\w+)/gm)].map(([, name = '']) => name));
    const shown = texts.flatMap((text) => [...text.matchAll(/^ {2}get (\w+)\(\): ([^{]+) \{/gm)]);
    expect(shown.length).toBeGreaterThan(20);
    const open = shown.filter(([, name = '', type = '']) => {
      return !SLICES.includes(name) && type.split(' | ').some((part) => classes.includes(part));
    });
    expect(open.map(([line]) => line)).toEqual([]);
  });

  it('is changed by the rooms that docs/architecture.md names', () => {
    const [, section = ''] = readFileSync(join(SRC, '../docs/architecture.md'), 'utf8').split(
      '## What is remembered of a device',
    );
    const rows = [...section.matchAll(/^\| `?(\w+)`?[^|]* \|[^|]*\| (.*) \|$/gm)].slice(1);
    const told = rows.map(([, slice = '', rooms = '']) => [slice, rooms.replaceAll('`', '').split(', ').toSorted()]);
    const calls = Map.groupBy(Object.entries(CHANGED_BY), ([name]) => SLICE_OF[name] ?? name.split('.')[0] ?? name);
    const allowed = [...calls].map(([slice, entries]): [string, string[]] => [
      slice,
      [...new Set(entries.flatMap(([, rooms]) => rooms))].toSorted(),
    ]);
    expect(Object.fromEntries(told.slice(0, allowed.length))).toEqual(Object.fromEntries(allowed));
  });

  it('is changed by the rooms that may, and by no other', () => {
    const owned = Object.keys(CHANGED_BY).filter((name) => !name.includes('.'));
    const calls = new RegExp(`\\b(?:memory|adopt\\(\\w+\\))\\??\\.(${owned.join('|')})\\(`, 'g');
    const sliceCalls = new RegExp(`\\b(?:memory\\??\\.|)(${SLICES.join('|')})\\??\\.(\\w+)\\(`, 'g');
    const wrong = files.flatMap((file) => {
      const text = file.startsWith('twin/') || sourceOf(file).includes('/twin/') ? sourceOf(file) : '';
      const names = [
        ...[...text.matchAll(calls)].map(([, name]) => name ?? ''),
        ...[...text.matchAll(sliceCalls)].map(([, slice, method]) => `${slice}.${method}`),
      ];
      return names
        .filter((name) => !READS.includes(name) && name !== 'status.reconcile')
        .filter((name) => CHANGED_BY[name]?.includes(roomOf(file)) !== true)
        .map((name) => `${file} calls ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  it('is changed by everything that the table names', () => {
    const all = files.map(sourceOf).join('\n');
    const unused = Object.keys(CHANGED_BY).filter((name) => {
      const [slice, method] = name.includes('.') ? name.split('.') : [undefined, name];
      return !new RegExp(`${slice === undefined ? '' : `\\b${slice}\\??`}\\.${method}\\(`).test(all);
    });
    expect(unused).toEqual([]);
  });
});
