/**
 * Text from outside on its way into status, events and logs: well-formed, and one line that shows what it is. Control characters,
 * line breaks and marks that turn the direction of writing become spaces: with them a device could forge the text around its words.
 */
export function harmless(text: string): string {
  return PLAIN.test(text) ? text : text.toWellFormed().replaceAll(HARMFUL, ' ');
}

const PLAIN = /^[\x20-\x7e]*$/;
const HARMFUL = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
