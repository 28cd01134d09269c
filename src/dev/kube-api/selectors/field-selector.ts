/** The grammar of `fieldSelector` (apimachinery, pkg/fields/selector.go): `a=b`, `a==b`, `a!=b`, comma is "and". */
import { badRequest } from '../errors.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly value: string;
  readonly isEqual: boolean;
}

const REQUIREMENT = /^((?:[^=!\\]|\\.)*?)(==|!=|=)((?:[^\\]|\\.)*)$/s;

/** Parses a selector; throws 400 on bad syntax. Which fields are known is the caller's to judge. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitTerms(text)
    .filter((term) => term !== '')
    .map((term) => {
      const match = REQUIREMENT.exec(term);
      if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
      const [, field = '', operator, value = ''] = match;
      return { field: field.trim(), value: unescape(value, text), isEqual: operator !== '!=' };
    });
}

function splitTerms(text: string): string[] {
  return text.match(/(?:[^,\\]|\\.)+/gs) ?? [];
}

function unescape(value: string, selector: string): string {
  return value.replace(/\\(.)/gs, (_, escaped: string) => {
    if (!'\\,='.includes(escaped))
      throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped} in ${selector}`);
    return escaped;
  });
}
