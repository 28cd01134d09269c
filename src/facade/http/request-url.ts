import { badRequest, PageNotFound } from '../../api/status-error.ts';

export interface RequestUrl {
  /** As it came. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The query as it came, with its question mark; `''`: none. */
  readonly search: string;
}

/**
 * The path and query of a request, each to the letter. The API server has authorised what it read there, so whatever the view or the CRD's
 * API could read otherwise is refused: folders that lead back (`/a/../b`), which `URL` would follow, a fragment, and parts of a query
 * that Go leaves out (`;`, and what cannot be decoded).
 */
export function parseRequestUrl(text: string): RequestUrl {
  const at = text.indexOf('?');
  const [path, search] = at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at)];
  const target = `https://view${path}`;
  if (!URL.canParse(target) || new URL(target).pathname !== path) throw new PageNotFound();
  if (/[;#]/.test(search) || !canDecode(search))
    throw badRequest('the query of the request cannot be read; encode it (";" is %3B, "#" is %23, "%" is %25)');
  return { path, query: new URLSearchParams(search), search };
}

function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
