/** Every document and use case of the user's page, to the letter: applied with kubectl, brought in sync, and shown as the page shows it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dump } from 'js-yaml';
import type { Device, JsonObject } from '../../src/api/device.ts';
import { compileProtoFiles } from '../../src/schema/proto-files.ts';
import { seedDocuments } from '../seed/page.ts';
import { condition, Stage } from './support/stage.ts';

const PROTO = join(import.meta.dirname, '../../manifests/samples/proto');
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

type Messages = Record<string, JsonObject>;

/** A document of the page; a use case is what stands below `properties`. */
interface SeedTwin {
  readonly meta?: JsonObject;
  readonly spec?: JsonObject;
  readonly properties?: { readonly desired?: Messages; readonly reported?: Messages };
  readonly desired?: Messages;
  readonly status?: JsonObject;
}

const documents = seedDocuments().map(({ title, content }, index) => ({ title, index, part: content as SeedTwin }));
const { part: whole = {} } = documents[0] ?? {};

describe.each([
  { kind: 'untyped', isTyped: false, schemaValid: 'absent' },
  { kind: 'typed', isTyped: true, schemaValid: 'True/Valid' },
])('with a device that is $kind', ({ isTyped, schemaValid }) => {
  let stage: Stage;
  let schema: Buffer;

  beforeAll(async () => {
    stage = await Stage.open();
    const files = ['sensor', 'wifi', 'firmware', 'device', 'features'].map(
      (name) => `${PROTO}/${name}/v1/${name}.proto`,
    );
    schema = await compileProtoFiles(files, { includeDirs: [PROTO] });
  }, 120_000);
  afterAll(() => stage?.close(), 120_000);

  it.each(documents)('$index, "$title", is as the page shows it', async ({ part, index }) => {
    const twin = completed(part, index);
    const manifest = dump(objectOf(twin, stage.namespace));
    const { code, stderr } = await stage.world.kubectlWithInput(manifest, 'apply', '-f', '-');
    expect([code, stderr]).toEqual([0, '']);
    const { name, deviceId } = twin;
    const device = { deviceId, ...(isTyped && { schema: { descriptorSet: schema } }) };
    await stage.startDevice(name, { device, initialReports: twin.says });
    await stage.until(name, 'is in sync and as the page shows it', (device) => {
      expect(condition(device, 'Synced')).toBe('True/InSync');
      expect(condition(device, 'SchemaValid')).toBe(schemaValid);
      expect(inMirShape(device)).toMatchObject(asPatterns(shownOf(twin, isTyped)));
    });
  });
});

interface CompleteTwin extends SeedTwin {
  readonly name: string;
  readonly deviceId: string;
  readonly desired: Messages;
  /** What the device reports of its own. */
  readonly says: Messages;
}

/** The whole document as it stands; a part as a twin of its own, with the messages of the whole one where it names none. */
function completed(part: SeedTwin, index: number): CompleteTwin {
  const own = part === whole ? ['temperature-sensor-01', 'temp-sensor-01'] : [`part-${index}`, `part-${index}`];
  const [name = '', deviceId = ''] = own;
  const desired = part.desired ?? part.properties?.desired ?? whole.properties?.desired ?? {};
  const reported = part.properties?.reported ?? whole.properties?.reported ?? {};
  const says = Object.fromEntries(Object.entries(reported).filter(([message]) => desired[message] === undefined));
  return { ...part, name, deviceId, desired, says, meta: { ...part.meta, name }, spec: { ...part.spec, deviceId } };
}

function objectOf({ meta, spec, desired }: CompleteTwin, namespace: string): object {
  const metadata = { ...meta, namespace };
  return { apiVersion: 'iot.mir/v1alpha', kind: 'device', metadata, spec, properties: { desired } };
}

function inMirShape({ metadata, spec, properties, status }: Device): object {
  return { meta: metadata, spec, properties: { ...properties, reported: status?.reported }, status };
}

/** What the page shows of the twin, less the namespace, which is the test's. */
function shownOf({ meta, spec, properties, desired, status = {} }: CompleteTwin, isTyped: boolean): object {
  const { namespace: _, ...named } = meta ?? {};
  const { schema, ...rest } = status;
  const shownStatus = isTyped && schema !== undefined ? { ...rest, schema } : rest;
  return {
    meta: named,
    spec,
    properties: { desired, reported: properties?.reported ?? desired },
    status: shownStatus,
  };
}

/** A time is any time, and of the packages the page names some. */
function asPatterns(shown: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(shown).map(([name, value]) => [name, asPattern(value)]));
}

function asPattern(value: unknown): unknown {
  if (Array.isArray(value)) return expect.arrayContaining(value);
  if (typeof value === 'string' && RFC3339.test(value)) return expect.stringMatching(RFC3339);
  return typeof value === 'object' && value !== null ? asPatterns(value) : value;
}
