import { Buffer } from 'node:buffer';
import { TransportError } from './errors.ts';

/** A watch event is one object, which etcd bounds to about 1.5 MB; JSON may need somewhat more. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** The lines of a body, whole ones only: a last line without its end was cut and rejects with TransportError. */
export async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // Pieces of the line that is not complete yet; joined once, so that a long line costs its length and not its square.
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of body) {
    const lines = decoder.decode(chunk, { stream: true }).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      const whole = pieces.length === 0 ? line : pieces.join('') + line;
      pieces = [];
      length = 0;
      if (whole !== '') yield whole;
    }
    if (rest === '') continue;
    pieces.push(rest);
    length += Buffer.byteLength(rest);
    if (length > MAX_LINE_BYTES)
      throw new TransportError(`a line of the answer is longer than ${MAX_LINE_BYTES} bytes`);
  }
  // What the decoder still holds is the beginning of a character.
  if (pieces.length > 0 || decoder.decode() !== '')
    throw new TransportError('the answer ended in the middle of a line');
}
