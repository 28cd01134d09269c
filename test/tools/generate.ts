/** Writes what is made from the source into the files that hold it; `--check` only says what is out of date. */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { load } from 'js-yaml';
import type { Io } from '../../src/cli/base/context.ts';
import { renderHelp } from '../../src/cli/help-page.ts';
import { createProgram } from '../../src/cli/program.ts';
import { renderConfigTable } from '../../src/config/docs.ts';
import { renderLabelsTable, renderMetricsTable } from './metrics-table.ts';
import {
  renderBadInput,
  renderColumns,
  renderConditions,
  renderEventReasons,
  renderFields,
  renderReasons,
  renderRetired,
  renderSelectors,
  renderStatus,
} from './reference.ts';
import { renderValuesSchema, renderValuesTable } from './chart-values.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CHARTS = ['helm/mir-operator', 'helm/mir-operator-crds'] as const;
const DEFINITION = 'src/mir-shape/devices.iot.mir.json';
const CRDS = ['devices.iot.mir.yaml', 'schemas.iot.mir.yaml', 'devicehistories.iot.mir.yaml'] as const;

/** No command is run here. */
const NO_IO = {} as Io;

/** Path from the root → what the file has to be, given what it is. */
const GENERATED: readonly (readonly [path: string, render: (before: string) => string])[] = [
  ['docs/reference/configuration.md', (before) => withPart(before, 'configuration', renderConfigTable())],
  [
    'docs/reference/metrics.md',
    (before) => withPart(withPart(before, 'metrics', renderMetricsTable()), 'labels', renderLabelsTable()),
  ],
  ['docs/reference/kubectl-mir.md', (before) => withPart(before, 'help', renderHelp(createProgram(NO_IO, () => {})))],
  ['docs/reference/reasons.md', withReasons],
  ['docs/reference/status.md', (before) => withPart(before, 'status', renderStatus(read(`crds/${CRDS[0]}`)))],
  ['crds/README.md', withKinds],
  ['docs/decisions/README.md', (before) => withPart(before, 'index', renderDecisions())],
  ...CHARTS.flatMap(
    (chart) =>
      [
        [`${chart}/README.md`, (before) => withPart(before, 'values', renderValuesTable(read(`${chart}/values.yaml`)))],
        [`${chart}/values.schema.json`, () => renderValuesSchema(read(`${chart}/values.yaml`), basename(chart))],
      ] as const satisfies typeof GENERATED,
  ),
  // The image has no file of the repository but the bundle.
  [DEFINITION, () => `${JSON.stringify(load(read(`crds/${CRDS[0]}`)), undefined, 2)}\n`],
  // A chart can only hold files of its own folder.
  ...CRDS.flatMap((name) =>
    CHARTS.map((chart) => [`${chart}/files/crds/${name}`, () => read(`crds/${name}`)] as const),
  ),
];

const isCheck = process.argv.includes('--check');
for (const [path, render] of GENERATED) {
  const before = existsSync(join(ROOT, path)) ? read(path) : '';
  const after = render(before);
  if (before === after) continue;
  if (isCheck) {
    console.error(`${path} is not what the source makes of it; run \`npm run generate\``);
    process.exitCode = 1;
  } else {
    writeFileSync(join(ROOT, path), after);
    console.log(`${path} written`);
  }
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function withKinds(before: string): string {
  const [device, schema, history] = CRDS.map((name) => read(`crds/${name}`));
  const parts = [
    ['device', renderFields(device ?? '')],
    ['device-columns', renderColumns(device ?? '')],
    ['device-selectors', renderSelectors(device ?? '')],
    ['schema', renderFields(schema ?? '')],
    ['history', renderFields(history ?? '')],
    ['history-columns', renderColumns(history ?? '')],
    ['condition-types', renderConditions()],
  ] as const;
  return parts.reduce((page, [name, content]) => withPart(page, name, content), before);
}

function withReasons(before: string): string {
  const parts = [
    ['condition-types', renderConditions()],
    ['conditions', renderReasons()],
    ['retired', renderRetired()],
    ['events', renderEventReasons()],
    ['bad-input', renderBadInput()],
  ] as const;
  return parts.reduce((page, [name, content]) => withPart(page, name, content), before);
}

/** The decisions by area; the first line of each is its title, the third its date and area. */
function renderDecisions(): string {
  const decisions = globSync('docs/decisions/[0-9]*.md', { cwd: ROOT })
    .toSorted()
    .map((path) => {
      const [title = '', , dated = ''] = read(path).split('\n');
      return {
        file: basename(path),
        number: basename(path).slice(0, 4),
        title: title.replace(/^# /, ''),
        area: dated.split(' · ')[1] ?? 'project',
      };
    });
  for (const [number, ones] of Map.groupBy(decisions, (decision) => decision.number)) {
    if (ones.length > 1)
      throw new Error(`two decisions have the number ${number}: ${ones.map(({ file }) => file).join(', ')}`);
  }
  return [...Map.groupBy(decisions, ({ area }) => area)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([area, ones]) =>
      [`**${area}**`, '', ...ones.map(({ file, number, title }) => `- [${number}](${file}) ${title}`), ''].join('\n'),
    )
    .join('\n');
}

/** Puts `content` between the marks `<!-- name:begin -->` and `<!-- name:end -->`. */
function withPart(text: string, name: string, content: string): string {
  const begin = `<!-- ${name}:begin -->\n`;
  const end = `\n<!-- ${name}:end -->`;
  const [head, rest] = split(text, begin);
  const [, tail] = split(`\n${rest}`, end);
  return `${head}${begin}${content}${end}${tail}`;
}

function split(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`the line ${mark.trim()} is missing; put it back where the generated part belongs`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
