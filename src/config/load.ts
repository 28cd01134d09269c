import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { load } from 'js-yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { renderHelp } from './docs.ts';
import { accepts, envName, flagName } from './option.ts';
import type { Option } from './option.ts';
import { ALL_OPTIONS } from './options.ts';
import type { Config } from './options.ts';
import { leastTopicBytes, quotedVisibly } from '../protocol/topics.ts';

export type { Config } from './options.ts';

export type ConfigResult =
  | { readonly kind: 'run'; readonly config: Config }
  | { readonly kind: 'help' | 'version'; readonly text: string }
  /** `message` has a line for every mistake found: the option as it was written, the bad value, the remedy. */
  | { readonly kind: 'error'; readonly message: string };

export type Environment = Readonly<Record<string, string | undefined>>;

/** What one source says: option key → value as given, and the name its author knows the option by. */
interface Source {
  readonly values: ReadonlyMap<string, Given>;
  readonly errors: readonly string[];
}
interface Given {
  readonly name: string;
  readonly value: unknown;
}

/** The configuration from flags, else environment, else the file named by `--config` or `MIR_CONFIG`, else defaults. */
export function loadConfig(argv: readonly string[], env: Environment): ConfigResult {
  if (argv.includes('--help') || argv.includes('-h')) return { kind: 'help', text: renderHelp() };
  if (argv.includes('--version')) return { kind: 'version', text: `mir-operator ${packageJson.version}` };

  const flags = readFlags(argv);
  const environment = readEnvironment(env);
  const file = readFile(flags.configFile ?? env['MIR_CONFIG']);
  const given = new Map([...file.values, ...environment.values, ...flags.values]);
  const errors = [...flags.errors, ...environment.errors, ...file.errors, ...judge(given), ...judgeTogether(given)];
  if (errors.length > 0) return { kind: 'error', message: errors.join('\n') };

  const entries = [...ALL_OPTIONS].map(([key, option]) => [key, given.get(key)?.value ?? option.default]);
  // Every value was judged by the schema that its type in Config is derived from.
  return { kind: 'run', config: Object.fromEntries(entries) as Config };
}

type Flag = { readonly key: string; readonly option: Pick<Option<unknown>, 'kind'>; readonly negated: boolean };

const FLAGS: ReadonlyMap<string, Flag> = new Map<string, Flag>([
  ['--config', { key: 'config', option: { kind: 'text' }, negated: false }],
  ...[...ALL_OPTIONS].flatMap(([key, option]): [string, Flag][] => {
    const name = flagName(key, option);
    if (name === undefined) return [];
    const plain: [string, Flag] = [name, { key, option, negated: false }];
    return option.kind === 'boolean' ? [plain, [`--no-${name.slice(2)}`, { key, option, negated: true }]] : [plain];
  }),
]);

function readFlags(argv: readonly string[]): Source & { readonly configFile: string | undefined } {
  const values = new Map<string, Given>();
  const errors: string[] = [];
  for (const token of tokenize(argv.flatMap(joinBoolean))) {
    const flag = token.kind === 'option' ? FLAGS.get(token.rawName) : undefined;
    if (token.kind !== 'option') {
      if (token.kind === 'positional') errors.push(`unexpected argument "${token.value}": write --option=value`);
    } else if (flag === undefined) {
      errors.push(`unknown flag ${token.rawName}${didYouMean(token.rawName, FLAGS.keys())}; see --help`);
    } else if (flag.option.kind === 'boolean') {
      values.set(flag.key, { name: token.rawName, value: booleanOf(token.value ?? 'true', flag.negated) });
    } else if (token.value === undefined || (token.value.startsWith('--') && !token.inlineValue)) {
      errors.push(`${token.rawName} has no value: write ${token.rawName}=value`);
    } else {
      values.set(flag.key, { name: token.rawName, value: fromText(flag.option.kind, token.value) });
    }
  }
  const config = values.get('config')?.value;
  values.delete('config');
  return { values, errors, configFile: typeof config === 'string' ? config : undefined };
}

/**
 * `--leader-election false` → `--leader-election=false`: parseArgs gives a boolean no value, and here nothing stands alone, so that
 * what follows one is meant for it.
 */
function joinBoolean(argument: string, index: number, argv: readonly string[]): string[] {
  const isBoolean = (text: string | undefined): boolean => FLAGS.get(text ?? '')?.option.kind === 'boolean';
  if (isBoolean(argv[index - 1]) && !argument.startsWith('-')) return [];
  const next = argv[index + 1];
  return isBoolean(argument) && next !== undefined && !next.startsWith('-') ? [`${argument}=${next}`] : [argument];
}

function booleanOf(text: string, negated: boolean): unknown {
  const value = fromText('boolean', text);
  return typeof value === 'boolean' ? value !== negated : value;
}

/** Not strict, because parseArgs' own errors name neither the nearest flag nor the remedy. */
function tokenize(argv: readonly string[]) {
  const options = [...FLAGS].map(([name, { option }]) => [
    name.slice(2),
    { type: option.kind === 'boolean' ? ('boolean' as const) : ('string' as const) },
  ]);
  return parseArgs({ args: [...argv], options: Object.fromEntries(options), strict: false, tokens: true }).tokens;
}

function readEnvironment(env: Environment): Source {
  const values = new Map<string, Given>();
  for (const [key, option] of ALL_OPTIONS) {
    const name = envName(key, option);
    const text = env[name];
    // An empty variable is how a manifest says "not set".
    if (text !== undefined && text !== '') values.set(key, { name, value: fromText(option.kind, text) });
  }
  return { values, errors: [] };
}

function readFile(path: string | undefined): Source {
  const values = new Map<string, Given>();
  if (path === undefined || path === '') return { values, errors: [] };
  let content: unknown;
  try {
    content = load(readFileSync(path, 'utf8'), { filename: path }) ?? {};
  } catch (error) {
    const why = String(error)
      .replace(/^\w+: /, '')
      .split('\n')[0];
    return { values, errors: [`--config ${path} cannot be read: ${why}; use a readable YAML or JSON file`] };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { values, errors: [`--config ${path} is not a mapping; write one "option: value" a line`] };
  }
  const errors: string[] = [];
  const names = [...ALL_OPTIONS].filter(([, option]) => option.isSecret !== true).map(([key]) => key);
  for (const [key, value] of Object.entries(content)) {
    if (!names.includes(key)) errors.push(`unknown option ${key} in ${path}${didYouMean(key, names)}; see --help`);
    else if (value !== null) values.set(key, { name: `${key} in ${path}`, value });
  }
  return { values, errors };
}

/** The value that `text` spells; text that spells none is returned as it is, for the schema to refuse. */
function fromText(kind: Option<unknown>['kind'], text: string): unknown {
  if (kind === 'number') return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
  if (kind === 'boolean') return text === 'true' || (text === 'false' ? false : text);
  if (kind === 'list') return text.split(',').map((item) => item.trim());
  return text;
}

function judge(given: ReadonlyMap<string, Given>): string[] {
  const errors: string[] = [];
  for (const [key, { name, value }] of given) {
    const option = ALL_OPTIONS.get(key);
    if (option === undefined || accepts(option, value)) continue;
    const shown = option.isSecret === true || mayHoldPassword(value) ? 'the value given' : quotedVisibly(value);
    errors.push(`${name}: ${shown} is not valid; use ${option.expects}`);
  }
  return errors;
}

const mayHoldPassword = (value: unknown): boolean => typeof value === 'string' && value.includes('@');

/** What no option can judge alone. */
function judgeTogether(given: ReadonlyMap<string, Given>): string[] {
  const errors: string[] = [];
  const needs = (key: string, other: string): void => {
    const name = given.get(key)?.name;
    if (name !== undefined && !given.has(other)) errors.push(`${name} needs ${other}; give both or neither`);
  };
  needs('mqttCertFile', 'mqttKeyFile');
  needs('mqttKeyFile', 'mqttCertFile');
  const [served, provisioned] = [given.get('namespace'), given.get('provisionNamespace')];
  if (served !== undefined && provisioned !== undefined && served.value !== provisioned.value) {
    errors.push(`${provisioned.name} must be the namespace that is served (${served.name} ${String(served.value)})`);
  }
  const [password, passwordFile] = [given.get('mqttPassword'), given.get('mqttPasswordFile')];
  if (password !== undefined && passwordFile !== undefined) {
    errors.push(`${password.name} and ${passwordFile.name} are both given; keep the file`);
  }
  const prefixError = judgePrefixLength(given);
  return prefixError === undefined ? errors : [...errors, prefixError];
}

/** Every message of a longer prefix would be dropped as too long, without a word. */
function judgePrefixLength(given: ReadonlyMap<string, Given>): string | undefined {
  const [prefix, most] = [given.get('topicPrefix'), given.get('maxTopicBytes')];
  const text = prefix?.value ?? ALL_OPTIONS.get('topicPrefix')?.default;
  const limit = most?.value ?? ALL_OPTIONS.get('maxTopicBytes')?.default;
  if (typeof text !== 'string' || typeof limit !== 'number') return undefined;
  const needed = leastTopicBytes(text);
  if (needed <= limit) return undefined;
  const name = prefix?.name ?? most?.name ?? 'topicPrefix';
  return `${name}: no topic below "${text}" has at most ${limit} bytes; use a shorter prefix or a --max-topic-bytes of at least ${needed}`;
}

function didYouMean(wrong: string, names: Iterable<string>): string {
  const nearest = [...names].map((name) => ({ name, distance: editDistance(wrong.toLowerCase(), name.toLowerCase()) }));
  const best = nearest.sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.max(2, wrong.length / 4) ? `; did you mean ${best.name}?` : '';
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split('').entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? a.length;
}
