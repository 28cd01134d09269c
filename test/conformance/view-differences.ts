import type { WorldKind } from '../world/world.ts';

export interface ViewDifference {
  readonly because: string;
  /** Where the answers differ. */
  readonly at: readonly string[];
  /** On both control planes, where it names none. */
  readonly on?: WorldKind;
}

const READ_ONLY: ViewDifference = {
  because:
    'what is said of the read-only status is left out with a warning, where the CRD leaves it out without a word',
  at: ['0.warnings'],
};

const NO_PROTOBUF: ViewDifference = {
  because: 'protobuf is not served, and so not named among the types',
  at: ['0.body.message'],
  on: 'real',
};

/** Where the view answers otherwise than the CRD's own API, on purpose. A case listed here must differ in exactly these places. */
export const VIEW_DIFFERENCES: ReadonlyMap<string, ViewDifference> = new Map<string, ViewDifference>([
  ['writing › create drops status', READ_ONLY],
  ['server-side apply › a status that is not there for the taking', READ_ONLY],
  ['ownership of the status › a status by the whole object', READ_ONLY],
  ['the status subresource › main patch does not write status', READ_ONLY],
  [
    'validation › fields twice, Strict',
    {
      because: 'fields that are there twice are found before unknown ones, which the CRD looks for',
      at: ['0.body.message'],
    },
  ],
  [
    'corners of patches › a field twice in a patch',
    {
      because: 'it is found before the patch is applied, so that the answer shows no object',
      at: ['0.status', '0.body.message', '0.body.reason', '0.body.details', '0.body.code'],
    },
  ],
  ['corners of options › forms of answers', NO_PROTOBUF],
  ['corners of options › bodies without a type', { ...NO_PROTOBUF, at: ['1.body.message'] }],
]);
