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

/** `decision 0041`, `decisions 0020 and 0046`, `docs/decisions/0041`. */
const DECISION = /decisions?[ /](\d{4})(?: and (\d{4}))?/g;

it('every decision that the source names exists, and every one is named where a reader would ask why', () => {
  const numbers = new Set(globSync('docs/decisions/[0-9]*.md', { cwd: ROOT }).map((path) => path.slice(15, 19)));
  const named = globSync('{src,test}/**/*.ts', { cwd: ROOT }).flatMap((file) =>
    [...read(file).matchAll(DECISION)].flatMap(([, ...found]) =>
      found.filter((number) => number !== undefined).map((number) => ({ file, number })),
    ),
  );
  expect(named.filter(({ number }) => !numbers.has(number))).toEqual([]);
  const unnamed = [...numbers].filter((number) => !named.some((one) => one.number === number));
  // Versions of packages stand in package.json, which has no comments.
  expect(unnamed).toEqual(['0010']);
});

const ARCHITECTURE = read('docs/architecture.md');

it('every file that the architecture names is there', () => {
  const isThere = (name: string, line: string): boolean => {
    if (/^(?:src|test|docs|crds|helm|manifests)\//.test(name)) return globSync(name, { cwd: ROOT }).length > 0;
    // A bare name is one of a folder that the same line names, or of the row's room.
    const paths = line.matchAll(/(?:`|\]\(\.\.\/)((?:src|test)\/[\w./-]+)/g);
    const rooms = line.matchAll(/^\| `([\w-]+)` \|/g);
    const named = [
      ...[...paths].flatMap(([, path = '']) => [path, dirname(path)]),
      ...[...rooms].map(([, room = '']) => `src/${room}`),
    ];
    return [...named, 'src'].some((folder) => existsSync(join(ROOT, folder, name)));
  };
  const wrong = ARCHITECTURE.split('\n').flatMap((line) =>
    [...line.matchAll(/`([\w./*-]+\.(?:ts|md|yaml))`|`((?:src|test|docs|crds|helm|manifests)\/[\w./*-]+)`/g)]
      .map(([, file, folder]) => file ?? folder ?? '')
      .filter((name) => !isThere(name, line)),
  );
  expect(ARCHITECTURE.match(/`src\//g)?.length).toBeGreaterThan(20);
  expect(wrong).toEqual([]);
});
