import { REFRESH_ANNOTATION } from '../../api/refresh.ts';
import { runBulk } from '../bulk/run.ts';
import type { PlannedChange } from '../bulk/plan.ts';
import { withCluster } from '../base/context.ts';
import type { Io } from '../base/context.ts';
import { CliError, EXIT } from '../base/exit.ts';
import { keyOf, readAll } from '../fleet/fleet.ts';
import type { FleetDevice } from '../fleet/fleet.ts';
import { paletteOf } from '../render/color.ts';
import { selectionOf } from '../fleet/selection.ts';
import type { SelectFlags } from '../fleet/selection.ts';

export interface RefreshFlags extends SelectFlags {
  readonly concurrency: number;
  readonly rate?: number;
}

/** `kubectl mir refresh`: asks devices to send all their reports again. What they send is seen with `kubectl mir watch`. */
export async function refresh(io: Io, names: readonly string[], flags: RefreshFlags): Promise<number> {
  const selection = selectionOf(names, flags);
  return await withCluster(io, flags, async (cluster) => {
    const { devices } = await readAll(cluster, selection);
    if (devices.length === 0) throw new CliError('no device is selected; see kubectl mir list', EXIT.failed);
    const asked: FleetDevice[] = [];
    const failures: string[] = [];
    const options = {
      concurrency: flags.concurrency,
      rate: flags.rate,
      continueOnError: true,
      onPatched: (device: FleetDevice) => void asked.push(device),
      onFailed: (key: string, why: string) => void failures.push(`${key}: ${why}`),
    };
    await runBulk(cluster, requestsFor(devices, new Date(io.now()).toISOString()), options, io.signal);
    report(io, asked, failures);
    if (io.signal.aborted) return EXIT.interrupted;
    return failures.length === 0 ? EXIT.ok : EXIT.failed;
  });
}

const requestsFor = (devices: readonly FleetDevice[], time: string): PlannedChange[] =>
  devices.map((device) => ({
    device,
    patch: { metadata: { annotations: { [REFRESH_ANNOTATION]: time } } },
    changes: [],
    owners: [],
  }));

const MOST_NAMES = 5;

/** `7 offline (a, b, c, d, e, …)` */
function counted(devices: readonly FleetDevice[], what: string): string {
  const names = devices.slice(0, MOST_NAMES).map(({ metadata }) => metadata.name);
  return `${devices.length} ${what} (${[...names, ...(devices.length > MOST_NAMES ? ['…'] : [])].join(', ')})`;
}

function report(io: Io, asked: readonly FleetDevice[], failures: readonly string[]): void {
  const palette = paletteOf(io.hasColor);
  for (const failure of failures) io.err(`${palette.bad('✗')} ${failure}\n`);
  const away = asked.filter(({ status }) => status?.online !== true);
  const disabled = away.filter(({ spec }) => spec.disabled === true);
  const offline = away.filter(({ spec }) => spec.disabled !== true);
  const parts = [
    `${asked.length - away.length} asked to report again`,
    offline.length > 0 ? palette.dim(`${counted(offline, 'offline')}: they report when they come back`) : '',
    disabled.length > 0 ? palette.dim(`${counted(disabled, 'disabled')}: nothing of theirs is taken`) : '',
    failures.length > 0 ? palette.bad(`${failures.length} failed`) : '',
  ];
  io.out(`${parts.filter((part) => part !== '').join(', ')}\n`);
  const [only] = asked;
  if (asked.length === 1 && only !== undefined && away.length === 0)
    io.err(`See what comes: kubectl mir watch ${keyOf(only).split('/').toReversed().join('/')}\n`);
}
