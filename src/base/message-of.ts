/** What was thrown, in words. Some errors have a name and no message, and anything may be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
