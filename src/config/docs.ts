import { envName, flagName } from './option.ts';
import type { Option } from './option.ts';
import { OPTION_GROUPS } from './options.ts';

/** The text of `--help`. */
export function renderHelp(): string {
  const sections = OPTION_GROUPS.map(([title, options]) => {
    const entries = Object.entries(options).map(([key, option]) => helpEntry(key, option));
    return `${title}:\n${entries.join('\n')}`;
  });
  return [USAGE, ...sections].join('\n\n');
}

/** The table of options in docs/reference/configuration.md, which is generated from it. */
export function renderConfigTable(): string {
  const rows = OPTION_GROUPS.flatMap(([, options]) =>
    Object.entries(options).map(([key, option]) => {
      const cells = [`\`${key}\``, code(flagName(key, option)), code(envName(key, option)), standardOf(option, '`')];
      return `| ${[...cells, option.description].join(' | ').replaceAll('\n', ' ')} |`;
    }),
  );
  return ['| file key | flag | environment | default | meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

const USAGE = `mir-operator: device twins as Kubernetes resources, over MQTT.

Usage: mir-operator [--config FILE] [--option value]...

A flag wins over the environment, the environment over the file, the file over the default.
The file (also MIR_CONFIG) is YAML or JSON: one key an option, in camelCase (pageSize: 200).

  --config FILE   (MIR_CONFIG)
  --help, --version`;

function helpEntry(key: string, option: Option<unknown>): string {
  const flag = flagName(key, option);
  const value = option.kind === 'boolean' ? '' : ` ${option.kind.toUpperCase()}`;
  const names = flag === undefined ? envName(key, option) : `${flag}${value}   (${envName(key, option)})`;
  return `  ${names}\n      ${option.description} Default: ${standardOf(option, '')}.`;
}

function standardOf(option: Option<unknown>, quote: string): string {
  if (option.defaultText !== undefined) return option.defaultText;
  return option.default === undefined
    ? 'none'
    : `${quote}${JSON.stringify(option.default).replaceAll('"', '')}${quote}`;
}

const code = (name: string | undefined): string => (name === undefined ? '–' : `\`${name}\``);
