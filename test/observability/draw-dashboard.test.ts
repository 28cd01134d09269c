import { describe, expect, it } from '@jest/globals';
import { THEMES, drawDashboard } from './draw-dashboard.ts';
import { readPanels } from './queries.ts';
import { axisOf, formatValue } from './units.ts';

describe('the drawing of the dashboard', () => {
  it('has every panel, with its series and their names', () => {
    const panels = readPanels();
    const series = [{ legend: 'one & only', points: [[0, 1] as const, [60, 3] as const] }];
    const recording = {
      from: 0,
      to: 60,
      step: 60,
      panels: Object.fromEntries(panels.map(({ title }) => [title, series])),
    };
    const svg = drawDashboard(panels, recording, THEMES.dark);
    for (const { title } of panels) expect(svg).toContain(`>${title.replaceAll('&', '&amp;')}</text>`);
    const drawn = panels.filter(({ type }) => type === 'timeseries').length;
    expect(svg.match(/<polyline/g)).toHaveLength(drawn);
    expect(svg.match(/one &amp; only/g)).toHaveLength(drawn);
  });

  it('says where there are no data', () => {
    const panels = readPanels().filter(({ type }) => type !== 'row');
    const svg = drawDashboard(panels, { from: 0, to: 60, step: 60, panels: {} }, THEMES.light);
    expect(svg.match(/No data/g)).toHaveLength(panels.length);
  });

  it.each([
    [0.0371, 's', '37.1 ms'],
    [12.34, 's', '12.3 s'],
    [0.985, 'percentunit', '98.5%'],
    [3 * 2 ** 20, 'bytes', '3 MiB'],
    [12_345, 'short', '12.3 k'],
    [2, 'reqps', '2 req/s'],
  ])('writes %d in %s as %s', (value, unit, text) => {
    expect(formatValue(value, unit)).toBe(text);
  });

  it.each([
    [373, 'short', [0, 100, 200, 300, 400]],
    [0.9, 's', [0, 0.25, 0.5, 0.75, 1]],
    [0, 'ops', [0, 0.25, 0.5, 0.75, 1]],
  ])('has round ticks up to %d %s', (highest, unit, ticks) => {
    expect(axisOf(highest, unit).ticks.map(({ value }) => value)).toEqual(ticks);
  });
});
