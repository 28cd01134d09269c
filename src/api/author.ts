/**
 * Who made the newest change of a twin, as whoever knew the user has stamped it on the object: the Mir view for its callers, or the
 * chart's admission policy (decision 0086).
 */

/** The user name. */
export const AUTHOR_ANNOTATION = 'iot.mir/author';
/**
 * Which change the author made: its generation in digits, as the policy writes it, or a text that no other change has. Without it the
 * name of a former author would stand for a change that nobody stamped.
 */
export const AUTHOR_OF_ANNOTATION = 'iot.mir/author-of';

/** Of a longer name, this much. */
const MOST_OF_USER = 256;
/** A longer text is no stamp: annotations may hold 256 kB, and are kept. */
const MOST_OF_STAMP = 128;

export function isAuthorAnnotation(key: string): boolean {
  return key === AUTHOR_ANNOTATION || key === AUTHOR_OF_ANNOTATION;
}

/** The annotations of a change by `user`. `change`: a text that is another one for every change, such as a UUID. */
export function authorStamp(user: string, change: string): Readonly<Record<string, string>> {
  return { [AUTHOR_ANNOTATION]: user, [AUTHOR_OF_ANNOTATION]: change };
}

/**
 * Who made the change that led to `generation`; undefined: nobody has stamped it. `known`: the stamp (`stampOf`) of a change before it.
 */
export function stampedAuthor(
  annotations: Readonly<Record<string, string>> | undefined,
  generation: number,
  known: string | undefined,
): string | undefined {
  const user = annotations?.[AUTHOR_ANNOTATION];
  const change = stampOf(annotations);
  if (user === undefined || user === '' || change === undefined || change === '') return undefined;
  const isOfChange = isOfGeneration(change) ? Number(change) === generation : change !== known;
  return isOfChange ? clip(user) : undefined;
}

/** True for a stamp that is a generation; any other tells of its change only beside the stamp before it. */
export function isOfGeneration(stamp: string): boolean {
  return /^\d+$/.test(stamp);
}

/** Tells stamps apart; undefined: there is none. */
export function stampOf(annotations: Readonly<Record<string, string>> | undefined): string | undefined {
  const stamp = annotations?.[AUTHOR_OF_ANNOTATION];
  return stamp !== undefined && stamp.length <= MOST_OF_STAMP ? stamp : undefined;
}

function clip(user: string): string {
  return user.length <= MOST_OF_USER ? user : `${user.slice(0, MOST_OF_USER - 1).toWellFormed()}…`;
}
