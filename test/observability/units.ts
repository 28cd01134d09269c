/** Values and axes in the units that the dashboard's panels use. */

interface Axis {
  readonly top: number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

const RATES: Readonly<Record<string, string>> = { cps: ' c/s', wps: ' wr/s', ops: ' ops/s', reqps: ' req/s' };
const MAX_TICKS = 4;

/** An axis from 0 to a little above `highest`, with round ticks. */
export function axisOf(highest: number, unit: string): Axis {
  const top = highest <= 0 ? 1 : highest;
  const step = unit === 'bytes' ? byteStep(top) : roundStep(top);
  const count = Math.ceil(top / step - 1e-9);
  const ticks = Array.from({ length: count + 1 }, (_, at) => ({
    value: at * step,
    label: formatValue(at * step, unit),
  }));
  return { top: count * step, ticks };
}

function roundStep(top: number): number {
  const power = 10 ** Math.floor(Math.log10(top / MAX_TICKS));
  const factor = [1, 2, 2.5, 5, 10].find((one) => top / (power * one) <= MAX_TICKS) ?? 10;
  return power * factor;
}

function byteStep(top: number): number {
  let step = 2 ** Math.floor(Math.log2(top / MAX_TICKS));
  while (top / step > MAX_TICKS) step *= 2;
  return step;
}

export function formatValue(value: number, unit: string, decimals?: number): string {
  if (unit === 'percentunit') return `${trimmed(value * 100, decimals ?? 1)}%`;
  if (unit === 's') return formatSeconds(value);
  if (unit === 'bytes') return value === 0 ? '0' : `${trimmed(value / 2 ** 20, 0)} MiB`;
  const short = value >= 10_000 ? `${trimmed(value / 1000, 1)} k` : trimmed(value, decimals ?? 2);
  return `${short}${RATES[unit] ?? ''}`;
}

function formatSeconds(value: number): string {
  if (value === 0) return '0';
  if (value < 0.001) return `${trimmed(value * 1e6, 0)} µs`;
  return value < 1 ? `${trimmed(value * 1000, 1)} ms` : `${trimmed(value, 1)} s`;
}

function trimmed(value: number, decimals: number): string {
  return String(Number(value.toFixed(decimals)));
}
