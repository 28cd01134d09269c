/**
 * The picture of the dashboard in docs/: `node test/observability/picture.ts record FILE` plays the story (five minutes, on a machine that does nothing else) and keeps
 * what the dashboard's queries gave, `… draw FILE` draws it on dark and on light ground.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory } from '../real/reaper.ts';
import { findPictureTools, runTool } from '../real/system-packages.ts';
import { THEMES, drawDashboard } from './draw-dashboard.ts';
import type { Recording } from './draw-dashboard.ts';
import { readPanels } from './queries.ts';
import { recordStory } from './story.ts';

const DOCS = join(import.meta.dirname, '..', '..', 'docs');

async function draw(recording: Recording): Promise<void> {
  const { convert, quantize } = await findPictureTools((line) => console.log(line));
  const directory = scratchDirectory('picture');
  for (const [name, theme] of Object.entries(THEMES)) {
    const [svg, png] = [join(directory, `${name}.svg`), join(directory, `${name}.png`)];
    writeFileSync(svg, drawDashboard(readPanels(), recording, theme));
    await runTool(convert, [svg, '-o', png]);
    await runTool(quantize, ['--strip', '--force', '--output', join(DOCS, `dashboard-${name}.png`), png]);
  }
  rmSync(directory, { recursive: true });
}

const [command, file] = process.argv.slice(2);
if (command === 'record' && file !== undefined) {
  writeFileSync(file, JSON.stringify(await recordStory()));
  // Connections that were cut in the story may keep the process for ever.
  process.exit();
} else if (command === 'draw' && file !== undefined) {
  await draw(JSON.parse(readFileSync(file, 'utf8')) as Recording);
} else {
  console.error('usage: node test/observability/picture.ts record|draw FILE');
  process.exitCode = 2;
}
