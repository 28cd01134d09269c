import type { Difference } from './differences.ts';

export interface KnownDifference {
  readonly because: string;
  readonly differs: readonly Difference[];
}

/**
 * Where the embedded API answers otherwise than kube-apiserver, on purpose, and how. A case listed here must differ in exactly
 * this way: when it no longer does, its test fails and shows what to write here.
 */
export const KNOWN_DIFFERENCES: ReadonlyMap<string, KnownDifference> = new Map([
  [
    'reading › a broken continue token',
    {
      because: "each server's tokens are its own, and so is what it says of a foreign one",
      differs: [
        {
          at: '0.body.message',
          real: "invalid continue token: continue key is not valid: invalid character '\\u009e' looking for beginning of value",
          embedded: 'invalid continue token: continue key is not valid: it was not issued by this server',
        },
      ],
    },
  ],
  [
    'writing › create of another version',
    {
      because: 'the real one looks for unknown fields before it refuses a version that it does not know',
      differs: [{ at: '0.warnings', real: '299 - "unknown field \\"spec\\""' }],
    },
  ],
  [
    'writing › create with a broken body',
    {
      because: 'the words are those of the JSON parser, which is another',
      differs: [
        {
          at: '0.body.message',
          real: 'the object provided is unrecognized (must be of type device): couldn\'t get version/kind; json parse error: unexpected end of JSON input ({"a")',
          embedded:
            "couldn't get version/kind; json parse error: Expected ':' after property name in JSON at position 4 (line 1 column 5)",
        },
      ],
    },
  ],
  [
    'corners of metadata › a version in a patch',
    {
      because: 'the real one looks for unknown fields before it refuses a version that it does not know',
      differs: [{ at: '0.warnings', real: '299 - "unknown field \\"spec\\"", 299 - "unknown field \\"status\\""' }],
    },
  ],
  [
    'corners of options › forms of answers',
    {
      because: 'protobuf is not served, and so not named among the types',
      differs: [
        {
          at: '0.body.message',
          real: 'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
          embedded: 'only the following media types are accepted: application/json, application/yaml',
        },
        {
          at: '1.body.message',
          real: 'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
          embedded: 'only the following media types are accepted: application/json, application/yaml',
        },
      ],
    },
  ],
  [
    'corners of options › bodies without a type',
    {
      because: 'protobuf is not served, and so not named among the types',
      differs: [
        {
          at: '1.body.message',
          real: 'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
          embedded:
            'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
        },
      ],
    },
  ],
  [
    'corners of options › bodies that are no objects',
    {
      because: 'the words are those of the JSON parser, which is another',
      differs: [
        {
          at: '0.body.message',
          real: 'the object provided is unrecognized (must be of type device): couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b5d)',
          embedded: 'the body of the request is not an object',
        },
        {
          at: '1.body.message',
          real: 'the object provided is unrecognized (must be of type device): couldn\'t get version/kind; json parse error: json: cannot unmarshal number into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (35)',
          embedded: 'the body of the request is not an object',
        },
        {
          at: '2.body.message',
          real: "the object provided is unrecognized (must be of type device): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
          embedded: "couldn't get version/kind; json parse error: Unexpected end of JSON input",
        },
      ],
    },
  ],
  [
    'corners of options › delete options that are none',
    {
      because: 'the words are those of the JSON parser, which is another',
      differs: [
        {
          at: '0.body.message',
          real: 'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
          embedded: 'the body of a DELETE is DeleteOptions',
        },
        {
          at: '1.body.message',
          real: "couldn't get version/kind; json parse error: unexpected end of JSON input",
          embedded:
            "couldn't get version/kind; json parse error: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
        },
        {
          at: '2.body.message',
          real: 'no kind "x" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"',
          embedded: 'the body of a DELETE is DeleteOptions, not v1 x',
        },
      ],
    },
  ],
]);
