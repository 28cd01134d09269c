import { z } from 'zod';
import type { Random } from '../random.ts';

/** A duration, or a range of which a new one is drawn each time; milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const EXPECTED = 'write a duration such as 500ms, 10s, 5m, 1h, or a range such as 1s..5s';

/** `10s`, `1s..5s`. */
export const span = z.string({ error: EXPECTED }).transform((text, context): Span => {
  const [from, to = from, ...rest] = text.split('..').map((part) => durationOf(part.trim()));
  if (from !== undefined && to !== undefined && from <= to && rest.length === 0) return { fromMs: from, toMs: to };
  context.addIssue({ code: 'custom', message: EXPECTED });
  return z.NEVER;
});

/** `10s`; milliseconds. */
export const duration = z.string({ error: EXPECTED }).transform((text, context): number => {
  const ms = durationOf(text.trim());
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: 'write one duration, such as 500ms, 10s, 5m or 1h' });
  return z.NEVER;
});

/** Milliseconds; undefined for what is no duration. */
export function durationOf(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  const factor = UNITS[unit ?? ''];
  return amount === undefined || factor === undefined ? undefined : Number(amount) * factor;
}

export function drawMs({ fromMs, toMs }: Span, random: Random): number {
  return Math.round(fromMs + random() * (toMs - fromMs));
}
