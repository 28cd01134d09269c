/**
 * The fields that valid JSON text names more than once in one object, as paths (`spec.list[0].name`), each once, in the order of
 * their second appearance. JSON.parse keeps the last of them in silence.
 */
export function duplicateFields(text: string): string[] {
  const found = new Set<string>();
  const open: Level[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const level = open.at(-1);
    if (token === '{' || token === '[')
      open.push({ path: pathIn(level), names: token === '{' ? new Set() : undefined, index: 0 });
    else if (token === '}' || token === ']') open.pop();
    else if (token === ',' && level?.names === undefined && level !== undefined) level.index += 1;
    else if (token.endsWith(':') && level?.names !== undefined) {
      level.name = JSON.parse(token.slice(0, -1)) as string;
      if (level.names.has(level.name)) found.add(pathIn(level));
      level.names.add(level.name);
    }
  }
  return [...found];
}

/** A text with the colon behind it is a name. Numbers and words are of no interest. */
const TOKEN = /"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\],]/gs;

/** An object or list that is open where the scan stands. */
interface Level {
  readonly path: string;
  /** Undefined for a list. */
  readonly names: Set<string> | undefined;
  name?: string;
  index: number;
}

function pathIn(level: Level | undefined): string {
  if (level === undefined) return '';
  if (level.names === undefined) return `${level.path}[${level.index}]`;
  return level.path === '' ? (level.name ?? '') : `${level.path}.${level.name ?? ''}`;
}
