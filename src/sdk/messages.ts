import { Rejected } from './handlers.ts';
import type { DesiredHandler } from './handlers.ts';
import type { MessageValue } from './store.ts';

/** Message name → its value. This one: any message, any JSON. */
export type AnyMessages = Readonly<Record<string, MessageValue>>;

/** Checks a value: what Standard Schema v1 (standardschema.dev) asks of zod, valibot, arktype and others, as types only. */
export interface MessageParser<Input = unknown, Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => ParserResult<Output> | Promise<ParserResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type ParserResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ParserIssue[] };

export interface ParserIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type MessageParsers = Readonly<Record<string, MessageParser>>;

/** What handlers get: message name → what its parser makes of a value. */
export type Parsed<P extends MessageParsers> = {
  readonly [K in keyof P]: P[K] extends MessageParser<unknown, infer Output> ? Output : never;
};

/** What is reported: message name → what its parser takes. */
export type Unparsed<P extends MessageParsers> = {
  readonly [K in keyof P]: P[K] extends MessageParser<infer Input> ? Input : never;
};

/** A type for the compiler alone, where others have a parser: every value passes. */
export function unchecked<Value extends object>(): MessageParser<Value, Value> {
  return { '~standard': { version: 1, vendor: 'mir', validate: (value) => ({ value: value as Value }) } };
}

/** `handler`, given only what `parser` has made of a value. What it refuses is rejected with its words. */
export function withParser(parser: MessageParser, handler: DesiredHandler): DesiredHandler {
  return (value, context) => {
    const result = parser['~standard'].validate(value);
    if (result instanceof Promise) return result.then((found) => handler(accepted(found), context));
    return handler(accepted(result), context);
  };
}

/** Whatever it is: the compiler holds the handler against the parser. */
function accepted(result: ParserResult<unknown>): MessageValue {
  if (result.issues === undefined) return result.value as MessageValue;
  throw new Rejected(result.issues.slice(0, MAX_ISSUES).map(lineOf).join('; '));
}

/** `thresholds.max: must be above min` */
function lineOf({ message, path = [] }: ParserIssue): string {
  const where = path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.');
  return where === '' ? message : `${where}: ${message}`;
}

/** The twin shows 1,024 characters. */
const MAX_ISSUES = 5;
