/* oxlint-disable no-control-regex -- they are what it is about */
/** The colours of `render/color.ts`, and the line of progress; else all that a terminal obeys, or that turns the order of letters. */
const OBEYED =
  /\u001b\[(?:[12]|22|3[1239])m|\r\u001b\[K|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** What devices and people have said may hold anything: a terminal is shown it, and does not obey it. */
export function printable(text: string): string {
  return text.replaceAll(OBEYED, (found) =>
    found.length > 1 ? found : `\\u${(found.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
