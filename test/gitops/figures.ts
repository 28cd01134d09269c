/** One figure of a run, on standard error, for test/README.md. */
export function figure(what: string, durationMs: number): void {
  process.stderr.write(`figure: ${what}: ${(durationMs / 1000).toFixed(1)} s\n`);
}
