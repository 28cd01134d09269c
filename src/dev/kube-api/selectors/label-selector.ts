/** The grammar of `labelSelector` (apimachinery, pkg/labels/selector.go). */
import { badRequest } from '../errors.ts';
import { KEY_RULE } from '../handlers/metadata-rules.ts';

type Labels = Readonly<Record<string, string>>;
export type LabelSelector = (labels: Labels) => boolean;

const TOKEN = /\s*(?:(==|!=|=|!|<|>|\(|\)|,)|([^\s=!<>(),]+))/y;
const NAME = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Compiles a selector; throws 400 on what an API server cannot parse. Empty text selects everything. */
export function parseLabelSelector(text: string): LabelSelector {
  const tokens = tokenize(text);
  if (tokens.length === 0) return () => true;
  const parser = new Parser(tokens);
  parser.expectKey("expected: !, identifier, or 'end of string'");
  const requirements = [parser.requirement()];
  while (parser.take(',')) {
    parser.expectKey("expected: identifier after ','");
    requirements.push(parser.requirement());
  }
  parser.expectEnd();
  return (labels) => requirements.every((matches) => matches(labels));
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const trimmed = text.trimEnd();
  while (TOKEN.lastIndex < trimmed.length) {
    const match = TOKEN.exec(trimmed);
    if (match === null) throw unparsable(`found unexpected text in '${text}'`);
    tokens.push(match[1] ?? match[2] ?? '');
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly string[];
  #position = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  take(token: string): boolean {
    if (this.#tokens[this.#position] !== token) return false;
    this.#position += 1;
    return true;
  }

  expectEnd(): void {
    const rest = this.#tokens[this.#position];
    if (rest !== undefined) throw badRequest(`found '${rest}', expected: ',' or 'end of string'`);
  }

  /** What begins a requirement. */
  expectKey(expected: string): void {
    const token = this.#tokens[this.#position] ?? '';
    if (token !== '!' && !isWord(token)) throw badRequest(`found '${token}', ${expected}`);
  }

  requirement(): LabelSelector {
    if (this.take('!')) {
      const absent = this.#key();
      return (labels) => !Object.hasOwn(labels, absent);
    }
    const key = this.#key();
    const operator = this.#tokens[this.#position];
    if (operator === undefined || operator === ',') return (labels) => Object.hasOwn(labels, key);
    this.#position += 1;
    return this.#comparison(key, operator);
  }

  #comparison(key: string, operator: string): LabelSelector {
    switch (operator) {
      case '=':
      case '==':
        return isIn(key, new Set([this.#value()]));
      case '!=':
        return not(isIn(key, new Set([this.#value()])));
      case 'in':
        return isIn(key, this.#values());
      case 'notin':
        return not(isIn(key, this.#values()));
      case '<':
      case '>':
        return this.#order(key, operator);
      default:
        throw unparsable(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #order(key: string, operator: '<' | '>'): LabelSelector {
    const text = this.#value();
    if (!/^[+-]?\d+$/.test(text))
      throw unparsable(`values[0]: Invalid value: "${text}": for 'Gt', 'Lt' operators, the value must be an integer`);
    const bound = BigInt(text);
    return (labels) => {
      const held = Object.hasOwn(labels, key) ? labels[key] : undefined;
      if (held === undefined || !/^[+-]?\d+$/.test(held)) return false;
      return operator === '<' ? BigInt(held) < bound : BigInt(held) > bound;
    };
  }

  #key(): string {
    const key = this.#tokens[this.#position] ?? '';
    this.#position += 1;
    if (!isWord(key)) throw unparsable(`found '${key}', expected: identifier`);
    const slash = key.indexOf('/');
    const prefix = slash < 0 ? undefined : key.slice(0, slash);
    const name = key.slice(slash + 1);
    if (name.includes('/')) throw unparsable(`<nil>: Invalid value: ${JSON.stringify(key)}: ${KEY_RULE}`);
    const isValid = NAME.test(name) && name.length <= 63 && (prefix === undefined || PREFIX.test(prefix));
    if (!isValid) throw unparsable(`found '${key}', expected: !, identifier, or 'end of string'`);
    return key;
  }

  /** An absent value is the empty one: `key=` selects the empty label. */
  #value(): string {
    const token = this.#tokens[this.#position];
    if (token === undefined || token === ',' || token === ')') return '';
    this.#position += 1;
    if (!NAME.test(token) || token.length > 63)
      throw unparsable(
        `values[0]: Invalid value: "${token}": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
      );
    return token;
  }

  #values(): Set<string> {
    if (!this.take('(')) throw unparsable(`found '${this.#tokens[this.#position] ?? ''}' expected: '('`);
    const values = new Set([this.#value()]);
    while (this.take(',')) values.add(this.#value());
    if (!this.take(')')) throw unparsable(`found '${this.#tokens[this.#position] ?? ''}', expected: ',' or ')'`);
    return values;
  }
}

const isWord = (token: string): boolean => /^[^=!<>(),]/.test(token);

const isIn =
  (key: string, values: ReadonlySet<string>): LabelSelector =>
  (labels) =>
    Object.hasOwn(labels, key) && values.has(labels[key] ?? '');

const not =
  (selector: LabelSelector): LabelSelector =>
  (labels) =>
    !selector(labels);

const unparsable = (why: string) => badRequest(`unable to parse requirement: ${why}`);
