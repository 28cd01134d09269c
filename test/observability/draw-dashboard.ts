/** Draws the panels of the dashboard as Grafana lays them out, from what their queries gave: pure, one SVG. */
import type { Panel } from './queries.ts';
import { axisOf, formatValue } from './units.ts';

export interface Recording {
  /** Seconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** Seconds between two points; where there are more, nothing was known. */
  readonly step: number;
  /** Panel title → its series, in the order of its queries. */
  readonly panels: Readonly<Record<string, readonly RecordedSeries[]>>;
}

export interface RecordedSeries {
  readonly legend: string;
  readonly points: readonly (readonly [time: number, value: number])[];
}

export interface Theme {
  readonly ground: string;
  readonly panel: string;
  readonly border: string;
  readonly text: string;
  readonly faint: string;
}

export const THEMES = {
  dark: { ground: '#111217', panel: '#181b1f', border: '#2b2f36', text: '#d8d9da', faint: '#8e9199' },
  light: { ground: '#f4f5f5', panel: '#ffffff', border: '#dcdde0', text: '#24292e', faint: '#6e7077' },
} as const satisfies Record<string, Theme>;

const COLUMN = 55;
const ROW = 27;
const GAP = 8;
const COLUMNS = 24;

/** Grafana's names for colours. */
const COLORS: Readonly<Record<string, string>> = {
  green: '#56a64b',
  yellow: '#e0b400',
  orange: '#ff9830',
  red: '#f2495c',
  'dark-red': '#a3132a',
  blue: '#5794f2',
  purple: '#b877d9',
};
const PALETTE = [
  '#5794f2',
  '#56a64b',
  '#ff9830',
  '#b877d9',
  '#e0b400',
  '#f2495c',
  '#3fb5b5',
  '#8f9bb3',
  '#c15c17',
  '#705da0',
];

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function drawDashboard(panels: readonly Panel[], recording: Recording, theme: Theme): string {
  const rows = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const [width, height] = [COLUMNS * COLUMN + GAP, rows * ROW + GAP];
  const drawn = panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const box = { x: x * COLUMN + GAP, y: y * ROW + GAP, width: w * COLUMN - GAP, height: h * ROW - GAP };
    return drawPanel(panel, box, recording, theme);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans, sans-serif">`,
    `<rect width="100%" height="100%" fill="${theme.ground}"/>`,
    ...drawn,
    '</svg>',
  ].join('\n');
}

function drawPanel(panel: Panel, box: Box, recording: Recording, theme: Theme): string {
  if (panel.type === 'row') {
    return text(box.x + 2, box.y + 15, panel.title, { size: 13, weight: 'bold', fill: theme.text });
  }
  const series = recording.panels[panel.title] ?? [];
  return [
    `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="2" fill="${theme.panel}" stroke="${theme.border}"/>`,
    text(box.x + 8, box.y + 17, panel.title, { size: 11.5, weight: 'bold', fill: theme.text }),
    panel.type === 'stat'
      ? drawStat(panel, box, series, recording, theme)
      : drawSeries(panel, box, series, recording, theme),
  ].join('');
}

function drawStat(
  panel: Panel,
  box: Box,
  series: readonly RecordedSeries[],
  recording: Recording,
  theme: Theme,
): string {
  const value = series[0]?.points.at(-1)?.[1];
  const defaults = panel.fieldConfig?.defaults;
  if (value === undefined || defaults === undefined) return noData(box, theme);
  const mapped = defaults.mappings?.[0]?.options[String(value)];
  const steps = defaults.thresholds?.steps ?? [];
  const color = mapped?.color ?? steps.findLast((step) => step.value === null || value >= step.value)?.color;
  const shown = mapped?.text ?? formatValue(value, defaults.unit, defaults.decimals);
  const middle = box.x + box.width / 2;
  const fill = colorOf(color ?? 'text', theme);
  const y = box.y + box.height / 2 + (defaults.mappings === undefined ? 10 : 16);
  const size = shown.length > 6 ? 20 : 26;
  const spark = defaults.mappings === undefined ? drawSpark(box, series[0]?.points ?? [], fill, recording) : '';
  return spark + text(middle, y, shown, { size, fill, anchor: 'middle' });
}

/** How it came to its value: a line without a scale. */
function drawSpark(box: Box, points: Points, color: string, { from, to }: Recording): string {
  const highest = Math.max(...points.map(([, value]) => value));
  if (highest <= 0) return '';
  const [bottom, height] = [box.y + box.height - 3, 22];
  const line = points.map(([time, value]) => {
    const x = box.x + 3 + ((time - from) / (to - from)) * (box.width - 6);
    return `${x.toFixed(1)},${(bottom - (value / highest) * height).toFixed(1)}`;
  });
  const [first = '', last = ''] = [line[0]?.split(',')[0], line.at(-1)?.split(',')[0]];
  const area = `<polygon points="${line.join(' ')} ${last},${bottom} ${first},${bottom}" fill="${color}" fill-opacity="0.12"/>`;
  return `${area}<path d="M${line.join('L')}" fill="none" stroke="${color}" stroke-width="1" stroke-opacity="0.6"/>`;
}

function drawSeries(
  panel: Panel,
  box: Box,
  all: readonly RecordedSeries[],
  recording: Recording,
  theme: Theme,
): string {
  const plot = {
    x: box.x + 52,
    y: box.y + 28,
    width: box.width - 62,
    height: box.height - 28 - 16 - legendHeight(box, all),
  };
  if (all.length === 0) return noData(box, theme);
  const isStacked = panel.fieldConfig?.defaults.custom?.stacking.mode === 'normal';
  const stacked = isStacked ? stack(all) : all.map((series) => ({ ...series, base: new Map<number, number>() }));
  const highest = Math.max(0, ...stacked.flatMap(({ points }) => points.map(([, value]) => value)));
  const { unit = 'short', max } = panel.fieldConfig?.defaults ?? {};
  const axis = axisOf(max ?? highest, unit);
  const at = (time: number, value: number): string => {
    const x = plot.x + ((time - recording.from) / (recording.to - recording.from)) * plot.width;
    return `${x.toFixed(1)},${(plot.y + plot.height * (1 - Math.min(1, value / axis.top))).toFixed(1)}`;
  };
  const colors = all.map(({ legend }, index) => seriesColor(panel, legend, index, theme));
  const shapes = stacked.flatMap(({ points, base }, index) => {
    const color = colors[index] ?? '';
    return pieces(points, recording.step).map((piece) => {
      const line = piece.map(([time, value]) => at(time, value));
      const floor = piece.toReversed().map(([time]) => at(time, base.get(time) ?? 0));
      const area = `<polygon points="${[...line, ...floor].join(' ')}" fill="${color}" fill-opacity="${isStacked ? 0.45 : 0.08}"/>`;
      return `${area}<polyline points="${line.join(' ')}" fill="none" stroke="${color}" stroke-width="1.2"/>`;
    });
  });
  return [drawAxes(plot, axis, recording, theme), ...shapes, drawLegend(box, all, colors, theme)].join('');
}

type Points = RecordedSeries['points'];

/** Runs of points without a gap between them. */
function pieces(points: Points, step: number): Points[] {
  const found: (readonly [number, number])[][] = [];
  for (const point of points) {
    const piece = found.at(-1);
    const before = piece?.at(-1);
    if (piece === undefined || before === undefined || point[0] - before[0] > step * 1.5) found.push([point]);
    else piece.push(point);
  }
  return found;
}

interface Stacked extends RecordedSeries {
  /** Time → the height on which it stands. */
  readonly base: ReadonlyMap<number, number>;
}

/** Each series on top of those before it. At a time of which any of them knows, one without a point has no height. */
function stack(all: readonly RecordedSeries[]): Stacked[] {
  const times = [...new Set(all.flatMap(({ points }) => points.map(([time]) => time)))].toSorted((a, b) => a - b);
  let base = new Map(times.map((time) => [time, 0]));
  return all.map(({ legend, points }) => {
    const heights = new Map(points);
    const below = base;
    base = new Map(times.map((time) => [time, (below.get(time) ?? 0) + (heights.get(time) ?? 0)]));
    return { legend, points: [...base], base: below };
  });
}

function drawAxes(plot: Box, axis: ReturnType<typeof axisOf>, { from, to }: Recording, theme: Theme): string {
  const lines = axis.ticks.map(({ value, label }) => {
    const y = plot.y + plot.height * (1 - value / axis.top);
    return (
      `<line x1="${plot.x}" y1="${y}" x2="${plot.x + plot.width}" y2="${y}" stroke="${theme.border}"/>` +
      text(plot.x - 5, y + 3.5, label, { size: 9.5, fill: theme.faint, anchor: 'end' })
    );
  });
  const minutes = Array.from({ length: Math.floor((to - from) / 60) + 1 }, (_, minute) => {
    const x = plot.x + ((minute * 60) / (to - from)) * plot.width;
    return text(x, plot.y + plot.height + 13, `${minute}:00`, { size: 9.5, fill: theme.faint, anchor: 'middle' });
  });
  return [...lines, ...minutes].join('');
}

/** Width of a letter of the legend, about. */
const LETTER = 6.1;

/** Where each entry of the legend stands, in as many lines as it needs. */
function legendPlaces(box: Box, all: readonly RecordedSeries[]): { readonly x: number; readonly line: number }[] {
  let x = 10;
  let line = 0;
  return all.map(({ legend }) => {
    const width = legend.length * LETTER + 24;
    if (x > 10 && x + width > box.width - 6) [x, line] = [10, line + 1];
    const place = { x, line };
    x += width;
    return place;
  });
}

function legendHeight(box: Box, all: readonly RecordedSeries[]): number {
  return 8 + 14 * ((legendPlaces(box, all).at(-1)?.line ?? 0) + 1);
}

function drawLegend(box: Box, all: readonly RecordedSeries[], colors: readonly string[], theme: Theme): string {
  const top = box.y + box.height - legendHeight(box, all) + 12;
  return legendPlaces(box, all)
    .map(({ x, line }, index) => {
      const y = top + line * 14;
      const mark = `<rect x="${box.x + x}" y="${y - 6}" width="11" height="4" rx="2" fill="${colors[index]}"/>`;
      return mark + text(box.x + x + 15, y, all[index]?.legend ?? '', { size: 10, fill: theme.text });
    })
    .join('');
}

function seriesColor({ fieldConfig }: Panel, legend: string, index: number, theme: Theme): string {
  const override = fieldConfig?.overrides.find(({ matcher: { id, options } }) =>
    id === 'byRegexp' ? new RegExp(options.slice(1, -1)).test(legend) : options === legend,
  );
  const fixed = override?.properties[0]?.value.fixedColor;
  return fixed === undefined ? (PALETTE[index % PALETTE.length] ?? '') : colorOf(fixed, theme);
}

function colorOf(name: string, theme: Theme): string {
  return name === 'text' ? theme.text : (COLORS[name] ?? name);
}

function noData(box: Box, theme: Theme): string {
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2 + 8];
  return text(x, y, 'No data', { size: 12, fill: theme.faint, anchor: 'middle' });
}

interface TextStyle {
  readonly size: number;
  readonly fill: string;
  readonly weight?: string;
  readonly anchor?: string;
}

function text(x: number, y: number, content: string, { size, fill, weight, anchor }: TextStyle): string {
  const style = `font-size="${size}" fill="${fill}" font-weight="${weight ?? 'normal'}" text-anchor="${anchor ?? 'start'}"`;
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${style}>${escaped}</text>`;
}
