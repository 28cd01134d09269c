/** What an option of the operator is, and the kinds of values that options have. */
import { conforms } from './value.ts';
import type { ValueSchema } from './value.ts';

/** How an option's text from a flag or the environment becomes a value; a file gives the value itself. */
type OptionKind = 'text' | 'number' | 'boolean' | 'list';

export interface Option<T> {
  readonly kind: OptionKind;
  readonly schema: ValueSchema;
  /** What the schema cannot say. */
  readonly isAllowed?: (value: unknown) => boolean;
  /** What a valid value is, as the end of "use …". */
  readonly expects: string;
  readonly default: T;
  readonly description: string;
  /** The default for readers, where it is not the value itself ("all namespaces"). */
  readonly defaultText?: string;
  /** Overrides the environment variable's derived name. */
  readonly env?: string;
  /** Secrets come from the environment only and are never repeated in a message. */
  readonly isSecret?: boolean;
}

type Shape<T> = Pick<Option<T>, 'kind' | 'schema' | 'isAllowed' | 'expects'>;
type Facts = Pick<Option<unknown>, 'description' | 'defaultText' | 'env' | 'isSecret'>;

/** An option that always has a value. */
export const required = <T>(shape: Shape<T>, standard: T, facts: Facts): Option<T> => ({
  ...shape,
  ...facts,
  default: standard,
});

/** An option that is undefined when not given. */
export const optional = <T>(shape: Shape<T>, facts: Facts): Option<T | undefined> => ({
  ...shape,
  ...facts,
  default: undefined,
});

export const text = (expects: string, limits: Omit<ValueSchema & { type: 'string' }, 'type'> = {}): Shape<string> => ({
  kind: 'text',
  expects,
  schema: { type: 'string', ...limits },
});

/** A text that only its reader can judge. */
export const judged = (expects: string, isAllowed: (value: string) => boolean): Shape<string> => ({
  ...text(expects),
  isAllowed: (value) => typeof value === 'string' && isAllowed(value),
});

export const wholeNumber = (least: number, most: number): Shape<number> => ({
  kind: 'number',
  expects: `a whole number from ${least} to ${most}`,
  schema: { type: 'integer', minimum: least, maximum: most },
});

export const numberBetween = (least: number, most: number): Shape<number> => ({
  kind: 'number',
  expects: `a number from ${least} to ${most}`,
  schema: { type: 'number', minimum: least, maximum: most },
});

export const yesOrNo: Shape<boolean> = { kind: 'boolean', expects: 'true or false', schema: { type: 'boolean' } };

export const oneOf = <const T extends string>(...values: readonly T[]): Shape<T> => ({
  kind: 'text',
  expects: values.join(', '),
  schema: { type: 'string', enum: values },
});

/** `pageSize` → `--page-size`; undefined for secrets. */
export function flagName(key: string, option: Option<unknown>): string | undefined {
  return option.isSecret === true ? undefined : `--${words(key, '-')}`;
}

/** `pageSize` → `MIR_PAGE_SIZE`. */
export function envName(key: string, option: Option<unknown>): string {
  return option.env ?? `MIR_${words(key, '_').toUpperCase()}`;
}

function words(key: string, separator: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => separator + letter.toLowerCase());
}

/** Whether `value` may stand for the option. */
export function accepts({ schema, isAllowed }: Option<unknown>, value: unknown): boolean {
  return conforms(value, schema) && isAllowed?.(value) !== false;
}
