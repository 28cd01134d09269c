/** The next number of a sequence: at least 0, less than 1. */
export type Random = () => number;

/**
 * A sequence that is the same whenever `names` are (a seed, a device id, what it is for), and independent of every other one: what one
 * device draws does not change what another does.
 */
export function seededRandom(...names: readonly (string | number)[]): Random {
  // The multiplicative mixing of SplitMix32 over a hash (FNV-1a) of the names.
  let state = hashOf(names.join('\0'));
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}
