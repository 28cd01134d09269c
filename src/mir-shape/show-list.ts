import { isJsonObject, readApiJson } from '../api/exact-json.ts';
import type { JsonValue } from '../api/json-value.ts';
import { MIR_API_VERSION } from './mir-shape.ts';
import { dumpExactYaml } from '../api/exact-yaml.ts';
import { ListSplitter } from './list-splitter.ts';
import { show, showRow } from './show.ts';
import { spliceDevice } from './splice.ts';

/** Characters that are worth a packet of their own. */
const BATCH = 64 * 1024;

/** Does a piece of work that waits for nothing. */
export type Work = <T>(piece: () => T) => T;

/** A list or table of the CRD's API in the Mir shape, in pieces, while it arrives: its length costs no memory. */
export async function* showList(
  body: AsyncIterable<Uint8Array>,
  format: 'json' | 'yaml',
  work: Work = (piece) => piece(),
): AsyncGenerator<string, void, undefined> {
  const splitter = new ListSplitter();
  const writer = format === 'json' ? new JsonWriter() : new YamlWriter();
  for await (const chunk of body) {
    work(() => {
      for (const { kind, text } of splitter.push(asBuffer(chunk))) {
        if (kind === 'item') writer.item(text);
        else writer.frame(text);
      }
    });
    if (writer.size >= BATCH) yield writer.take();
  }
  writer.frame(splitter.end().text);
  yield writer.take();
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** A row has cells; everything else is shown by what it is. */
function showItem(text: string): JsonValue {
  const item = readApiJson(text) as JsonValue;
  return isJsonObject(item) && Array.isArray(item['cells']) ? showRow(item) : show(item);
}

/** Version of the list itself; nothing else around its items is of any version. */
function showFrame(text: string): string {
  return text.replace(
    /("apiVersion"\s*:\s*)"iot\.mir\/v1alpha"/,
    (_, before: string) => `${before}"${MIR_API_VERSION}"`,
  );
}

class JsonWriter {
  #text = '';
  #isFirst = true;

  get size(): number {
    return this.#text.length;
  }

  frame(text: string): void {
    this.#text += showFrame(text);
  }

  item(text: string): void {
    this.#text += `${this.#isFirst ? '' : ','}${spliceDevice(text) ?? JSON.stringify(showItem(text))}`;
    this.#isFirst = false;
  }

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

/** `items` first, then what was around them. */
class YamlWriter {
  #text = '';
  #frame = '';
  #hasItems = false;

  get size(): number {
    return this.#text.length;
  }

  frame(text: string): void {
    this.#frame += text;
    if (!isWhole(this.#frame)) return;
    const around = JSON.parse(showFrame(this.#frame)) as Record<string, unknown>;
    const name = 'rows' in around ? 'rows' : 'items';
    const { [name]: none, ...rest } = around;
    this.#text += `${this.#hasItems ? '' : `${name}: ${JSON.stringify(none ?? [])}\n`}${dumpExactYaml(rest)}`;
  }

  item(text: string): void {
    if (!this.#hasItems) this.#text += `${this.#frame.trimEnd().endsWith('"rows":[') ? 'rows' : 'items'}:\n`;
    this.#hasItems = true;
    this.#text += dumpExactYaml([showItem(text)]);
  }

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
