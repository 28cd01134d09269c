/** LIST with pages that are all of one moment, and GET. */
import {
  badRequest,
  expiredContinue,
  invalidOptions,
  notFound,
  tooLargeResourceVersion,
  tooOldResourceVersion,
  unclassified,
} from '../errors.ts';
import type { FieldError } from '../crd/index.ts';
import { keyOf } from '../kube-object.ts';
import type { Stored } from '../storage/collection.ts';
import type { Answer, Call, ListMeta } from './call.ts';
import { selectionOf } from './selection.ts';
import type { Selection } from './selection.ts';

export function get({ api, type, namespace, name = '', query }: Call): Answer {
  const text = query.get('resourceVersion');
  const asked = parseRevision(text);
  if (asked === undefined) throw unclassified(invalidRevision(text));
  if (asked > api.store.revision) throw tooLargeResourceVersion(asked, api.store.revision);
  const stored = api.store.collection(type.id).get(keyOf(namespace, name));
  if (stored === undefined) throw notFound(type, name);
  return { code: 200, object: stored };
}

export function list(call: Call): Answer {
  const { api, type, query } = call;
  const selection = selectionOf(call);
  const start = startOf(call);
  const limit = parseLimit(query.get('limit'));
  const collection = api.store.collection(type.id);
  const found = collection.rangeAt(start.revision, selection.prefix, start.after);
  if (found === undefined) {
    if (!start.isContinued) throw tooOldResourceVersion(start.revision, collection.oldestRevision);
    throw expiredContinue(encodeToken({ rv: -1, start: start.after }));
  }
  const page = takePage(found, selection, limit);
  return { code: 200, list: { items: page.items, meta: metaOf(page, start.revision) } };
}

interface Start {
  readonly revision: number;
  /** Keys up to and including this one were on earlier pages. */
  readonly after: string;
  readonly isContinued: boolean;
}

function startOf({ api, query }: Call): Start {
  const current = api.store.revision;
  const token = query.get('continue') ?? '';
  const text = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  checkMatch(match, text, token, query.has('sendInitialEvents'));
  if (token !== '') {
    if (text !== '' && text !== '0') throw badRequest('specifying resource version is not allowed when using continue');
    const { rv, start } = decodeToken(token);
    return { revision: rv === -1 ? current : rv, after: start, isContinued: true };
  }
  const asked = revisionOf(text);
  if (asked > current) throw tooLargeResourceVersion(asked, current);
  return { revision: match === 'Exact' ? asked : current, after: '', isContinued: false };
}

function checkMatch(match: string, text: string, token: string, sendsInitialEvents: boolean): void {
  const field = 'resourceVersionMatch';
  const forbidden = (why: string): FieldError => ({
    type: 'FieldValueForbidden',
    field,
    message: `Forbidden: ${field} ${why}`,
  });
  if (sendsInitialEvents) throw invalidOptions('ListOptions', [NO_INITIAL_EVENTS]);
  if (match === '') return;
  const faults: FieldError[] = [];
  if (text === '') faults.push(forbidden('is forbidden unless resourceVersion is provided'));
  if (token !== '') faults.push(forbidden('is forbidden when continue is provided'));
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`;
    faults.push({ type: 'FieldValueNotSupported', field, message });
  }
  if (match === 'Exact' && text === '0') faults.push(forbidden('"exact" is forbidden for resourceVersion "0"'));
  if (faults.length > 0) throw invalidOptions('ListOptions', faults);
}

const NO_INITIAL_EVENTS: FieldError = {
  type: 'FieldValueForbidden',
  field: 'sendInitialEvents',
  message: 'Forbidden: sendInitialEvents is forbidden for list',
};

function revisionOf(text: string): number {
  const asked = parseRevision(text);
  if (asked === undefined) throw badRequest(`invalid resource version: ${invalidRevision(text)}`);
  return asked;
}

interface Page {
  readonly items: readonly Stored[];
  readonly isWhole: boolean;
  /** Undefined with a selector: counting would mean reading everything. */
  readonly remaining: number | undefined;
}

function takePage(found: Iterable<Stored>, selection: Selection, limit: number): Page {
  const items: Stored[] = [];
  let remaining = 0;
  for (const stored of found) {
    if (!selection.matches(stored)) continue;
    if (items.length < limit) items.push(stored);
    else {
      remaining += 1;
      if (!selection.isEverything) break;
    }
  }
  return { items, isWhole: remaining === 0, remaining: selection.isEverything ? remaining : undefined };
}

function metaOf({ items, isWhole, remaining }: Page, revision: number): ListMeta {
  const resourceVersion = String(revision);
  if (isWhole) return { resourceVersion };
  return {
    resourceVersion,
    continue: encodeToken({ rv: revision, start: items.at(-1)?.key ?? '' }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}

interface Token {
  /** -1: carry on with whatever is there now. */
  readonly rv: number;
  readonly start: string;
}

function encodeToken(token: Token): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', ...token })).toString('base64url');
}

function decodeToken(text: string): Token {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null && 'rv' in parsed && 'start' in parsed) {
      const { rv, start } = parsed;
      if (typeof rv === 'number' && typeof start === 'string') return { rv, start };
    }
  } catch {
    // Answered below, like every other token that is not one of ours.
  }
  throw badRequest('invalid continue token: continue key is not valid: it was not issued by this server');
}

function parseLimit(text: string | null): number {
  if (text === null || text === '' || text === '0') return Infinity;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  const limit = Number(text);
  return limit < 0 ? Infinity : limit;
}

/** A resourceVersion of a request; 0 when none was given, undefined when it is no number. */
export function parseRevision(text: string | null): number | undefined {
  if (text === null || text === '') return 0;
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function invalidRevision(text: string | null): string {
  return `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`;
}
