/** Values printed as Go prints them, so that messages read as a real API server's. */

/** `%q`: double quotes, with Go's escapes. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const char of text) quoted += escapeChar(char);
  return `${quoted}"`;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\v', '\\v'],
]);

function escapeChar(char: string): string {
  const known = ESCAPES.get(char);
  if (known !== undefined) return known;
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (char === ' ' || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) return char;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** `%v` of an int64 or a float64. */
export function goNumber(value: number): string {
  const magnitude = Math.abs(value);
  if (Number.isInteger(value) && magnitude < 2 ** 63) return BigInt(value).toString();
  const needsExponent = magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e21);
  const printed = needsExponent ? value.toExponential() : String(value);
  return printed.replace(/e([+-])(\d)$/, 'e$10$2');
}
