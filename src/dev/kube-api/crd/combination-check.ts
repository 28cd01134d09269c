import { goQuote } from './go-format.ts';
import type { Check, Report } from './report.ts';
import type { Schema } from './types.ts';

/** anyOf, oneOf, allOf and not; `compile` makes the checks of their branches. */
export function combinationCheck(schema: Schema, compile: (branch: Schema) => Check): Check | undefined {
  const any = schema.anyOf?.map(compile) ?? [];
  const one = schema.oneOf?.map(compile) ?? [];
  const all = schema.allOf?.map(compile) ?? [];
  const not = schema.not === undefined ? undefined : compile(schema.not);
  if (any.length + one.length + all.length === 0 && not === undefined) return undefined;
  return (value, path, correlation, report) => {
    const run = (check: Check): Report => {
      const fork = report.fork();
      check(value, path, correlation, fork);
      return fork;
    };
    if (any.length > 0) checkAnyOf(any.map(run), path, report);
    if (one.length > 0) checkOneOf(one.map(run), path, report);
    if (all.length > 0) checkAllOf(all.map(run), path, report);
    if (not !== undefined && run(not).errors.length === 0) {
      report.addUnplaced(`${goQuote(path)} must not validate the schema (not)`);
    }
  };
}

function checkAnyOf(results: readonly Report[], path: string, report: Report): void {
  const passed = results.find(isValid);
  if (passed === undefined) report.addUnplaced(`${goQuote(path)} must validate at least one schema (anyOf)`);
  report.merge(passed ?? bestFailure(results));
}

function checkOneOf(results: readonly Report[], path: string, report: Report): void {
  const passed = results.filter(isValid);
  const [first] = passed;
  if (passed.length === 1 && first !== undefined) {
    report.merge(first);
    return;
  }
  const found = passed.length === 0 ? 'Found none valid' : `Found ${passed.length} valid alternatives`;
  report.addUnplaced(`${goQuote(path)} must validate one and only one schema (oneOf). ${found}`);
  if (passed.length === 0) report.merge(bestFailure(results));
}

function checkAllOf(results: readonly Report[], path: string, report: Report): void {
  const passed = results.filter(isValid).length;
  for (const result of results) report.merge(result);
  if (passed === results.length) return;
  report.addUnplaced(`${goQuote(path)} must validate all the schemas (allOf)${passed === 0 ? '. None validated' : ''}`);
}

const isValid = (report: Report): boolean => report.errors.length === 0;

/** The failure that got furthest; the first of equals. */
function bestFailure(results: readonly Report[]): Report {
  return results.reduce((best, result) => (result.matchCount > best.matchCount ? result : best));
}
