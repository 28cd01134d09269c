/** Writes what is derived from the code into the files that hold it; `--check` only says what is out of date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderConfigTable } from '../../src/config-docs.ts';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const BEGIN = '<!-- configuration:begin -->\n';
const END = '\n<!-- configuration:end -->';

const isCheck = process.argv.includes('--check');
const before = readFileSync(README, 'utf8');
const after = withTable(before);
if (before !== after && isCheck) {
  console.error("README.md: the table of options is not the code's; run `npm run generate`");
  process.exitCode = 1;
} else if (before !== after) {
  writeFileSync(README, after);
  console.log('README.md written');
}

function withTable(text: string): string {
  const [head, rest] = split(text, BEGIN);
  const [, tail] = split(`\n${rest}`, END);
  return `${head}${BEGIN}${renderConfigTable()}${END}${tail}`;
}

function split(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  if (at < 0)
    throw new Error(`README.md lacks the line ${mark.trim()}; put it back where the table of options belongs`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
