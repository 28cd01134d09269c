/** What a person is typing, by the commands and flags that there are. Pure: what stands in the cluster is asked for by its kind. */
import type { Command, Option } from 'commander';
import { CONDITION_TYPES, factsOfCondition } from '../../api/reasons.ts';

export interface Completion {
  readonly value: string;
  readonly description?: string | undefined;
}

/** What is wanted of the cluster, or of the machine. */
export type Wanted =
  | { readonly kind: 'given'; readonly completions: readonly Completion[] }
  | { readonly kind: 'files' }
  | { readonly kind: 'namespaces' | 'contexts' | 'schemas' | 'devices' | 'labels' }
  /** Names of devices and, from `set` and `unset` on, messages; with a message its fields. */
  | { readonly kind: 'change'; readonly words: readonly string[] };

export interface Typed {
  readonly wanted: Wanted;
  /** What has been typed of the word; behind `--output=`, which shells put before each completion themselves, of the value. */
  readonly prefix: string;
  /** Flags that name the cluster: `namespace`, `context`, `kubeconfig`. */
  readonly flags: Readonly<Record<string, string>>;
}

/** `words` are all that stand behind `kubectl mir`, the last is the one that is typed, `''` where it has not begun. */
export function readTyped(program: Command, words: readonly string[]): Typed {
  const current = words.at(-1) ?? '';
  const walk = new Walk(program);
  for (const word of words.slice(0, -1)) walk.take(word);
  const { command, flags } = walk;
  const inline = /^(--[^=]+)=(.*)$/s.exec(current);
  if (inline !== null && walk.option === undefined) {
    const [, name = '', prefix = ''] = inline;
    const option = optionOf(command, name);
    return { wanted: option === undefined ? NONE : valuesOf(option), prefix, flags };
  }
  const typed = { prefix: current, flags };
  if (walk.option !== undefined) return { ...typed, wanted: valuesOf(walk.option) };
  if (current.startsWith('-')) return { ...typed, wanted: given(flagsOf(command)) };
  return { ...typed, wanted: wordsOf(program, walk) };
}

const NONE: Wanted = { kind: 'given', completions: [] };

const given = (completions: readonly Completion[]): Wanted => ({ kind: 'given', completions });

/** Follows the words through commands and flags. */
class Walk {
  command: Command;
  /** The flag that the next word is the value of. */
  option: Option | undefined;
  readonly flags: Record<string, string> = {};
  readonly words: string[] = [];

  constructor(program: Command) {
    this.command = program;
  }

  take(word: string): void {
    const waiting = this.option;
    this.option = undefined;
    if (waiting !== undefined) return this.#note(waiting, word);
    if (word.startsWith('-') && word !== '-') return this.#flag(word);
    const below = this.words.length === 0 ? commandOf(this.command, word) : undefined;
    if (below === undefined) this.words.push(word);
    else this.command = below;
  }

  #flag(word: string): void {
    const [, name = word, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    const option = optionOf(this.command, name);
    if (option === undefined || option.isBoolean()) return;
    if (value !== undefined) this.#note(option, value);
    // A value that may be left out is written behind a sign of equality.
    else if (option.required) this.option = option;
  }

  #note(option: Option, value: string): void {
    this.flags[option.name()] = value;
  }
}

const commandOf = (command: Command, word: string): Command | undefined =>
  command.commands.find((one) => one.name() === word || one.aliases().includes(word));

const optionOf = (command: Command, flag: string): Option | undefined =>
  command.options.find(({ long, short }) => long === flag || short === flag);

function flagsOf(command: Command): Completion[] {
  return command.options.flatMap(({ long, description, hidden }) =>
    hidden || long === undefined || long === null ? [] : [{ value: long, description }],
  );
}

/** Conditions of a device that are good when they are True. */
const WAITED_FOR = CONDITION_TYPES.filter(
  (type) => !factsOfCondition(type).isProblem && !factsOfCondition(type).ofSchema,
);

const FLAG_VALUES: Readonly<Record<string, Wanted>> = {
  namespace: { kind: 'namespaces' },
  context: { kind: 'contexts' },
  kubeconfig: { kind: 'files' },
  filename: { kind: 'files' },
  include: { kind: 'files' },
  selector: { kind: 'labels' },
  'target.labels': { kind: 'labels' },
  'field-selector': given([
    { value: 'spec.deviceId=' },
    { value: 'status.online=true' },
    { value: 'status.online=false' },
  ]),
  for: given(WAITED_FOR.map((value) => ({ value }))),
  wait: given(['Synced', 'Acknowledged'].map((value) => ({ value }))),
};

function valuesOf(option: Option): Wanted {
  if (option.argChoices !== undefined) return given(option.argChoices.map((value) => ({ value })));
  return FLAG_VALUES[option.name()] ?? NONE;
}

/** What a command takes in addition to its flags. */
const COMMAND_WORDS: Readonly<Record<string, Wanted>> = {
  'schema show': { kind: 'schemas' },
  'schema push': { kind: 'files' },
};

function wordsOf(program: Command, { command, words }: Walk): Wanted {
  const commands = command.commands.map((one) => ({ value: one.name(), description: one.description() }));
  if (command === program) return given(words.length === 0 ? [...commands, HELP] : words[0] === 'help' ? commands : []);
  if (commands.length > 0) return given(commands);
  const path = pathOf(command, program);
  if (path === 'set' || path === 'unset') return { kind: 'change', words };
  const takesNames = command.registeredArguments.some((argument) => argument.variadic && argument.name() === 'NAME');
  return COMMAND_WORDS[path] ?? (takesNames ? { kind: 'devices' } : NONE);
}

const HELP: Completion = { value: 'help', description: 'what a command does, and its flags' };

function pathOf(command: Command, program: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null && at !== program; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}
