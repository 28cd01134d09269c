/** The user's page on digital twins, as it was written: `page.txt`. What it shows is what the product does. */
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import type { JsonObject } from '../../src/api/device.ts';

export interface SeedDocument {
  /** What the page says just before it, as in "Firmware Updates". */
  readonly title: string;
  readonly text: string;
  readonly content: JsonObject;
}

const LINES = readFileSync(new URL('page.txt', import.meta.url), 'utf8').split('\n');
/** A key at the margin; prose begins with a capital, and has spaces before its colons. */
const BEGINS = /^[a-z]\w*:/;

/** Every YAML document of the page, whole or in part, in its order. */
export function seedDocuments(lines: readonly string[] = LINES): SeedDocument[] {
  const documents: SeedDocument[] = [];
  for (let at = 0; at < lines.length; at++) {
    if (!BEGINS.test(lines[at] ?? '')) continue;
    const begin = at;
    while ((lines[at] ?? '') !== '') at++;
    const text = lines.slice(begin, at).join('\n');
    const title = lines.slice(0, begin).findLast((line) => line !== '') ?? '';
    documents.push({ title, text, content: load(text) as JsonObject });
  }
  return documents;
}
