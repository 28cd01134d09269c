/** What a history says of itself in an annotation, so that after a restart a LIST of metadata tells which ones are behind. */
import type { HistoryBody } from '../api/history.ts';
import { openMessages } from './outcome.ts';

export interface Mark {
  readonly uid: string;
  readonly generation: number;
  /** A change has no final outcome. */
  readonly isOpen: boolean;
  /** The messages that it is about; undefined: too many to name. */
  readonly messages: readonly string[] | undefined;
}

const MOST_CHARACTERS = 1024;

/** `<uid> <generation>`, and with an open change ` open <message>,…`. */
export function writeMark({ device, changes }: HistoryBody): string {
  const open = openMessages(changes);
  const head = `${device.uid} ${device.generation}`;
  if (open === undefined) return head;
  const names = open.join();
  return `${head} open ${names.length <= MOST_CHARACTERS ? names : '*'}`;
}

/** Undefined: somebody else has written it. */
export function readMark(text: string | undefined): Mark | undefined {
  const [, uid, generation, open, names] = /^(\S+) (\d+)( open (\S*))?$/.exec(text ?? '') ?? [];
  if (uid === undefined) return undefined;
  const messages = names === '*' ? undefined : (names ?? '').split(',').filter((name) => name !== '');
  return { uid, generation: Number(generation), isOpen: open !== undefined, messages };
}
