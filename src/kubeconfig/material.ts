import { readFileSync } from 'node:fs';
import { messageOf } from '../base/message-of.ts';

/**
 * Certificates or a key in PEM: `data` in base64, else the content of `file`, else undefined. `what` names it in errors:
 * `client-certificate of user me`.
 */
export function pemOf(what: string, data: string | undefined, file: string | undefined): Buffer | undefined {
  if (!data && !file) return undefined;
  const pem = data ? Buffer.from(data, 'base64') : Buffer.from(fileText(what, file ?? ''));
  if (!pem.includes('-----BEGIN ')) {
    throw new Error(`${what}${data ? '' : ` (${file})`} is not PEM; give one that begins with -----BEGIN`);
  }
  return pem;
}

/** The content of a file that must not be empty. */
export function fileText(what: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const why = messageOf(error);
    throw new Error(`${what} cannot be read: ${why}; put a readable file there or correct the path`, { cause: error });
  }
  if (text.trim() === '') throw new Error(`${what} is empty: ${path}; put its content there`);
  return text;
}

/** Kubelet replaces a projected token well before it expires; a minute is as often as client-go looks. */
const TOKEN_FILE_TTL_MS = 60_000;

/**
 * A token that is read again every minute, and when it is refused. It must be there at first; later, one that cannot be read (a
 * file that is just being replaced) leaves the old one in use.
 */
export function tokenFile(what: string, path: string, now: () => number): (refused?: string) => Promise<string> {
  let token = fileText(what, path).trim();
  let readAt = now();
  return (refused) => {
    if (token === refused || now() - readAt >= TOKEN_FILE_TTL_MS) {
      try {
        token = fileText(what, path).trim();
        readAt = now();
      } catch {
        // The next request looks again; if the old token has expired, the API server says so.
      }
    }
    return Promise.resolve(token);
  };
}
