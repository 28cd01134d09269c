/** What the documents point to is there: files, headings, decisions. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const pages = globSync('{*.md,{src,docs,test,crds,helm,manifests}/**/*.md}', { cwd: ROOT }).filter(
  (path) => !path.includes('node_modules'),
);

interface Link {
  readonly page: string;
  readonly target: string;
}

const links: readonly Link[] = pages.flatMap((page) =>
  [
    ...read(page)
      .replaceAll(/```[\s\S]*?```/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ]
    .map(([, target = '']) => ({ page, target }))
    .filter(({ target }) => !/^[a-z]+:/.test(target)),
);

it('every link leads to a file, and to a heading in it', () => {
  expect(links.length).toBeGreaterThan(50);
  expect(links.filter(isBroken).map(({ page, target }) => `${page}: ${target}`)).toEqual([]);
});

function isBroken({ page, target }: Link): boolean {
  const [path = '', anchor] = target.split('#', 2);
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, file))) return true;
  return anchor !== undefined && file.endsWith('.md') && !anchorsOf(read(file)).has(anchor);
}

/** As GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

it('every decision that the source names exists', () => {
  const numbers = new Set(globSync('docs/decisions/[0-9]*.md', { cwd: ROOT }).map((path) => path.slice(15, 19)));
  const named = globSync('{src,test}/**/*.ts', { cwd: ROOT }).flatMap((file) =>
    [...read(file).matchAll(/docs\/decisions\/(\d{4})/g)].map(([, number = '']) => ({ file, number })),
  );
  expect(named.filter(({ number }) => !numbers.has(number))).toEqual([]);
});
