/** SECURITY.md promises nothing that no test shows: every test that it names is there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..');
const page = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');

/** The named tests of one cell: a file, and titles until the next file. */
function testsIn(cell: string): [file: string, title: string][] {
  let file = '';
  return cell.split(';').map((part) => {
    const [, path, title = ''] = /^\s*(?:`([^`]+)`)?\s*› (.*?)\s*$/.exec(part) ?? [];
    file = path ?? file;
    return [file, title];
  });
}

const cells = page
  .split('\n')
  .filter((line) => /^\|.*`[^`]+\.test\.ts`/.test(line))
  .map((line) => line.split('|').at(-2) ?? '');

it.each(cells.flatMap(testsIn))('%s has a test that is called "%s"', (file, title) => {
  expect(title).not.toBe('');
  // Where a title stands in single quotes, its own are escaped.
  expect(readFileSync(join(ROOT, file), 'utf8').replaceAll("\\'", "'")).toContain(title);
});

it('has a test beside every promise', () => {
  const promises = page.split('\n').filter((line) => /^\| [A-Z]/.test(line));
  expect(promises.length).toBe(cells.length);
});
