/** The commands of `kubectl mir`, their flags and their help. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { apply } from './commands/apply.ts';
import { convert } from './commands/convert.ts';
import { deleteDocuments } from './commands/delete.ts';
import { describe } from './commands/describe.ts';
import { diff } from './commands/diff.ts';
import { enable } from './commands/enable.ts';
import { FORMATS, get } from './commands/get.ts';
import { history } from './commands/history.ts';
import { rollback } from './commands/rollback.ts';
import { listSchemas, pushSchema, showSchema } from './commands/schema.ts';
import { refresh } from './commands/refresh.ts';
import { set, unset } from './commands/set.ts';
import { top } from './commands/top.ts';
import { wait } from './commands/wait.ts';
import { watch } from './commands/watch.ts';
import type { Io } from './base/context.ts';

const EXIT_CODES = `
Exit codes: 0 all is as asked for · 1 a device failed or is not there yet; diff: there are differences · 2 nothing was done
(arguments, permissions, no cluster) · 130 interrupted`;

/** Every command resolves to its exit code, which `onExit` takes. */
// oxlint-disable-next-line max-lines-per-function -- a table of commands
export function createProgram(io: Io, onExit: (code: number) => void): Command {
  const program = new Command('kubectl mir')
    .description('Device twins from the shell: see a fleet, change many devices, wait for them.')
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('Add --help for usage.')
    .helpCommand('help [COMMAND]', 'what a command does, and its flags');
  const add = (usage: string, summary: string): Command => clusterFlags(program.command(usage).description(summary));
  const run =
    <T extends unknown[]>(work: (...args: T) => Promise<number>) =>
    async (...args: T): Promise<void> =>
      onExit(await work(...args));

  selectFlags(add('get [NAME...]', 'Show devices with their sync state and lag').alias('list'))
    .addOption(new Option('-o, --output <FORMAT>', 'what to print').choices(FORMATS).default('table'))
    .option('-w, --watch', 'go on with what changes')
    .option('--no-headers', 'without the line of headings')
    .action(run((names: string[], flags) => get(io, names, flags)));
  selectFlags(
    add('describe [NAME...]', 'Show desired and reported side by side, what differs, since when and why'),
  ).action(run((names: string[], flags) => describe(io, names, flags)));
  fileFlags(add('apply', 'Apply twins, in the shape of mir/v1alpha or iot.mir/v1alpha, and schemas'))
    .option('--dry-run', 'only ask the server what would become of it')
    .option('--force-conflicts', 'take fields over from other managers')
    .action(run((flags) => apply(io, flags)));
  fileFlags(add('diff', 'Show what an apply would change')).action(run((flags) => diff(io, flags)));
  fileFlags(add('delete', 'Delete the twins and schemas of documents'))
    .option('--ignore-not-found', 'what is not there is no error')
    .action(run((flags) => deleteDocuments(io, flags)));
  fileFlags(program.command('convert').description('Print documents in the other shape, for Git'))
    .addOption(new Option('--to <SHAPE>', 'the shape').choices(['kubernetes', 'mir']).default('kubernetes'))
    .action(run((flags) => convert(io, flags)));
  bulkFlags(
    selectFlags(
      add('set [ARG...]', 'Change fields of desired messages: set NAME… MESSAGE FIELD=VALUE…').usage(
        '(NAME… | -l SELECTOR | -A) MESSAGE FIELD=VALUE… [flags]',
      ),
    ),
  )
    .option('-f, --filename <FILE>', 'a map of messages and their fields, - for standard input')
    .option('--json <OBJECT>', 'the fields of MESSAGE as JSON')
    .action(run((args: string[], flags) => set(io, args, flags)));
  bulkFlags(
    selectFlags(
      add('unset [ARG...]', 'Take messages, or fields of one, out of what is desired').usage(
        '(NAME… | -l SELECTOR | -A) MESSAGE [FIELD…] [flags]',
      ),
    ),
  ).action(run((args: string[], flags) => unset(io, args, flags)));
  for (const [name, isEnabled, summary] of [
    ['enable', true, 'Let disabled devices in again'],
    ['disable', false, 'Cut devices off: they get nothing, and what they send is dropped'],
  ] as const)
    bulkFlags(selectFlags(add(`${name} [NAME...]`, summary))).action(
      run((names: string[], flags) => enable(io, names, isEnabled, flags)),
    );
  selectFlags(add('wait [NAME...]', 'Wait until a condition of devices is true'))
    .option('--for <CONDITION>', 'Synced, Ready, Online …', 'Synced')
    .addOption(timeout('such as 30s or 5m'))
    .action(run((names: string[], flags) => wait(io, names, flags)));
  selectFlags(add('watch [NAME...]', 'Tell what happens in the fleet, as it happens')).action(
    run((names: string[], flags) => watch(io, names, flags)),
  );
  selectFlags(add('history [NAME...]', 'Show who changed what, when, and what became of it'))
    .addOption(new Option('-o, --output <FORMAT>', 'what to print').choices(['table', 'json', 'yaml']).default('table'))
    .option('--revision <N>', 'one change as a whole', count)
    .option('--no-headers', 'without the line of headings')
    .action(run((names: string[], flags) => history(io, names, flags)));
  bulkFlags(selectFlags(add('rollback [NAME...]', 'Desire again what was desired at a revision, or at a time')))
    .option('--to-revision <N>', 'as history shows them', count)
    .option('--to-time <TIME>', '2026-11-30T14:00:00Z, or how long ago: 10m', moment)
    .action(run((names: string[], flags) => rollback(io, names, flags)));
  selectFlags(add('refresh [NAME...]', 'Ask devices to send all their reports again'))
    .option('--concurrency <N>', 'requests in flight', count, 16)
    .option('--rate <N>', 'devices a second at most', count)
    .action(run((names: string[], flags) => refresh(io, names, flags)));
  selectFlags(add('top [NAME...]', 'Show how the operator keeps up, and which devices have waited longest'))
    .option('--metrics-url <URL>', "the operator's /metrics; without it by way of the API server's proxy to its pod")
    .option('--operator-namespace <NAME>', 'where the operator runs; without it all namespaces are looked through')
    .addOption(duration('--interval <DURATION>', 'time over which rates are measured', 1000, '1s'))
    .option('--limit <N>', 'devices to show', count, 10)
    .action(run((names: string[], flags) => top(io, names, flags)));
  const schema = program.command('schema').description("Devices' schemas");
  clusterFlags(
    schema.command('list').description('Show the schemas of the cluster and how many devices use each'),
  ).action(run((flags) => listSchemas(io, flags)));
  clusterFlags(
    schema.command('show <SCHEMA>').description('Show the messages of a schema, by its name, its hash or a device'),
  ).action(run((target: string, flags) => showSchema(io, target, flags)));
  clusterFlags(schema.command('push <FILE...>').description('Register .proto files, or a descriptor set'))
    .option('-I, --include <DIR>', 'where imports are looked for', collect, [])
    .action(run((files: string[], flags) => pushSchema(io, files, flags)));
  return program;
}

function clusterFlags(command: Command): Command {
  return command
    .option('-n, --namespace <NAME>', 'the namespace; without it that of the kubeconfig')
    .option('--context <NAME>', 'a context of the kubeconfig')
    .option('--kubeconfig <FILE>', 'the kubeconfig; without it $KUBECONFIG, or ~/.kube/config');
}

function selectFlags(command: Command): Command {
  return command
    .addOption(new Option('-l, --selector <SELECTOR>', 'devices by label: type=sensor,floor!=2'))
    .addOption(new Option('--field-selector <SELECTOR>', 'devices by field: spec.deviceId=…, status.online=true'))
    .addOption(new Option('-A, --all-namespaces', 'devices of all namespaces'))
    .addOption(new Option('--target.labels <SELECTOR>', 'the same as --selector').hideHelp())
    .hook('preAction', (self) => {
      const labels = self.opts<Record<string, unknown>>()['target.labels'];
      if (labels !== undefined) self.setOptionValue('selector', labels);
    });
}

function fileFlags(command: Command): Command {
  return command
    .requiredOption(
      '-f, --filename <FILE>',
      'a file, a folder, or - for standard input; may be given several times',
      collect,
      [],
    )
    .option('-R, --recursive', 'folders within folders too');
}

function bulkFlags(command: Command): Command {
  return command
    .option('--dry-run', 'only show how many devices would change, and how')
    .option('-y, --yes', 'do not ask')
    .option('--confirm-above <N>', 'ask before more devices are changed', count, 10)
    .option('--force-conflicts', 'also fields that GitOps would set back')
    .option('--continue-on-error', 'a device that fails stops no other')
    .option('--concurrency <N>', 'requests in flight', count, 16)
    .option('--rate <N>', 'changes a second at most', count)
    .option('--wait [GOAL]', 'until all are Synced, or Acknowledged', goal)
    .addOption(timeout('how long to wait, such as 30s or 5m'));
}

const timeout = (says: string): Option => duration('--timeout <DURATION>', says, 300_000, '5m');

/** `standard` is milliseconds; the help shows it as a person would type it. */
function duration(flag: string, says: string, standard: number, shown: string): Option {
  return new Option(flag, says).argParser(milliseconds).default(standard, shown);
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It is a whole number.');
  return value;
}

function goal(text: string): 'Synced' | 'Acknowledged' {
  const found = (['Synced', 'Acknowledged'] as const).find((one) => one.toLowerCase() === text.toLowerCase());
  if (found === undefined) throw new InvalidArgumentError('It is Synced or Acknowledged; write --wait=Synced.');
  return found;
}

function moment(text: string): { readonly at: number } | { readonly agoMs: number } {
  if (/^\d+(?:\.\d+)?(?:ms|s|m|h)$/.test(text)) return { agoMs: milliseconds(text) };
  const at = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw new InvalidArgumentError('It is a time such as 2026-11-30T14:00:00Z, or how long ago: 10m.');
  return { at };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function milliseconds(text: string): number {
  const [, number = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (number === '') throw new InvalidArgumentError('It is a duration such as 30s or 5m.');
  return Number(number) * (UNITS[unit] ?? 1000);
}
