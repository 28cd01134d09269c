/** A change of many devices: planned, shown, confirmed, written, waited for. */
import { planBulk, groupChanges } from './plan.ts';
import type { BulkPlan, Edit, PlannedChange } from './plan.ts';
import { runBulk } from './run.ts';
import type { RunOptions } from './run.ts';
import type { Cluster, Io } from '../base/context.ts';
import { CliError, EXIT } from '../base/exit.ts';
import { keyOf, readAll, withoutSelectors } from '../fleet/fleet.ts';
import type { FleetDevice, FleetPage, Selection } from '../fleet/fleet.ts';
import { follow } from '../fleet/follow.ts';
import type { FleetEvent } from '../fleet/follow.ts';
import { messageOf } from '../../base/message-of.ts';
import { pause } from '../base/patiently.ts';
import { outcomeOf } from './outcome.ts';
import type { Goal, Outcome } from './outcome.ts';
import { Outcomes } from './outcomes.ts';
import { groupedLines, someOf } from './grouped-lines.ts';
import { Progress } from './progress.ts';
import { renderChanges } from '../render/changes.ts';
import { paletteOf } from '../render/color.ts';

export interface BulkFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly confirmAbove: number;
  readonly forceConflicts?: boolean;
  readonly continueOnError?: boolean;
  readonly concurrency: number;
  readonly rate?: number;
  /** True: until Synced. */
  readonly wait?: Goal | true;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Returns the exit code. */
export async function changeMany(
  io: Io,
  cluster: Cluster,
  selection: Selection,
  edit: Edit,
  flags: BulkFlags,
): Promise<number> {
  const page = await readAll(cluster, selection);
  const { devices } = page;
  if (devices.length === 0) throw new CliError('no device is selected; see kubectl mir list', EXIT.failed);
  const plan = await planBulk(devices, edit);
  refuseMisfits(io, plan);
  if (flags.forceConflicts !== true) refuseConflicts(plan);
  if (flags.dryRun === true) {
    io.out(summaryOf(io, plan, 'would change'));
    return EXIT.ok;
  }
  if (plan.changed.length > flags.confirmAbove && flags.yes !== true) await confirm(io, plan);
  return await new BulkChange(io, cluster, selection, edit, flags).run(plan, page);
}

/** Nothing is written where the change is wrong for any device. */
function refuseMisfits(io: Io, { refused }: BulkPlan): void {
  if (refused.length === 0) return;
  const palette = paletteOf(io.hasColor);
  io.err(
    groupedLines(
      refused.map(({ device, why }) => [keyOf(device), why]),
      palette.bad('✗'),
    ),
  );
  throw new CliError(
    `the change does not fit ${refused.length} of the devices; nothing was changed. Mend it, or select other devices`,
  );
}

function refuseConflicts({ changed }: BulkPlan): void {
  const owned = changed.filter(({ owners }) => owners.length > 0);
  if (owned.length === 0) return;
  const owners = [...new Set(owned.flatMap((one) => one.owners))].map((owner) => `"${owner}"`).join(', ');
  throw new CliError(
    `${owned.length} of ${changed.length} devices get these fields from ${owners}, which would set them back; nothing was ` +
      `changed. Change them there, or add --force-conflicts (${someOf(owned.map(({ device }) => keyOf(device)))})`,
  );
}

async function confirm(io: Io, plan: BulkPlan): Promise<void> {
  io.err(summaryOf(io, plan, 'will change'));
  if (io.ask === undefined) throw new CliError(`${plan.changed.length} devices would change; add --yes`);
  const answer = await io.ask(`Change ${plan.changed.length} devices? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('nothing was changed', EXIT.failed);
}

function summaryOf(io: Io, { changed, unchanged }: BulkPlan, verb: string): string {
  const palette = paletteOf(io.hasColor);
  const already = unchanged.length === 0 ? '' : `; ${devices(unchanged.length)} as wanted already`;
  const grouped = groupChanges(changed);
  const groups = grouped.map(([changes, count]) => {
    const head = grouped.length === 1 ? '' : `${palette.bold(devices(count))}\n`;
    return head + renderChanges(changes, palette);
  });
  return `${devices(changed.length)} ${verb}${already}\n${groups.join('')}`;
}

const devices = (count: number): string => (count === 1 ? '1 device' : `${count} devices`);

/** The change under way: who was patched, and what has become of it. */
class BulkChange {
  readonly #io: Io;
  readonly #cluster: Cluster;
  readonly #selection: Selection;
  readonly #edit: Edit;
  readonly #flags: BulkFlags;
  readonly #goal: Goal | undefined;
  readonly #progress: Progress;
  /** Generation from which a device's status speaks of the change, by `namespace/name`. */
  readonly #generations = new Map<string, number>();
  readonly #outcomes = new Outcomes();
  /** What the watch told of devices before their patch was answered. */
  readonly #early = new Map<string, FleetDevice>();
  /** The devices that the change is about, by `namespace/name`. */
  readonly #wanted = new Set<string>();
  /** Why what becomes of the devices cannot be seen. */
  #blindness: string | undefined;
  #patched = 0;
  #total = 0;
  readonly #ended = Promise.withResolvers<void>();

  constructor(io: Io, cluster: Cluster, selection: Selection, edit: Edit, flags: BulkFlags) {
    this.#io = io;
    this.#cluster = cluster;
    this.#selection = selection;
    this.#edit = edit;
    this.#flags = flags;
    this.#goal = flags.wait === true ? 'Synced' : flags.wait;
    this.#progress = new Progress(io, this.#goal === 'Acknowledged' ? 'acknowledged' : 'in sync');
  }

  async run({ changed, unchanged }: BulkPlan, page: FleetPage): Promise<number> {
    const startedAt = this.#io.now();
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#io.signal]);
    const isWaiting = this.#goal !== undefined;
    this.#total = changed.length + (isWaiting ? unchanged.length : 0);
    for (const { device } of changed) this.#wanted.add(keyOf(device));
    const watching = isWaiting ? this.#watch(page, signal) : Promise.resolve();
    // Whoever was interrupted once runs the same command again: devices that have the value are waited for too.
    if (isWaiting) for (const device of unchanged) this.#expect(device);
    await this.#patch(changed);
    if (isWaiting && this.#outcomes.size >= this.#total) await this.#wait(watching);
    over.abort();
    await watching;
    this.#progress.clear();
    return this.#report(changed.length, this.#io.now() - startedAt);
  }

  async #patch(changed: readonly PlannedChange[]): Promise<void> {
    const { concurrency, rate, continueOnError = false } = this.#flags;
    const options: RunOptions = {
      concurrency,
      rate,
      continueOnError,
      onPatched: (device) => {
        this.#patched += 1;
        this.#expect(device);
      },
      onFailed: (key, why) => this.#note(key, { kind: 'failed', why }),
    };
    await runBulk(this.#cluster, changed, options, this.#io.signal);
  }

  #expect(device: FleetDevice): void {
    const key = keyOf(device);
    this.#wanted.add(key);
    this.#generations.set(key, device.metadata.generation);
    this.#look(key, this.#early.get(key) ?? device);
    this.#early.delete(key);
  }

  /** Resolves when it is over, also where nothing can be seen: what is being written goes on. */
  async #watch(page: FleetPage, signal: AbortSignal): Promise<void> {
    try {
      const watched = withoutSelectors(this.#selection, page.devices);
      for await (const event of follow(this.#cluster, watched, signal, page)) this.#hear(event);
    } catch (error) {
      this.#blindness = messageOf(error);
    }
  }

  #hear(event: FleetEvent): void {
    const { key } = event;
    // One that came since is not part of the change.
    if (!this.#wanted.has(key)) return;
    if (event.kind === 'deleted') this.#note(key, { kind: 'failed', why: 'the device was deleted meanwhile' });
    else if (this.#generations.has(key)) this.#look(key, event.device);
    else this.#early.set(key, event.device);
  }

  #look(key: string, device: FleetDevice): void {
    const generation = this.#generations.get(key) ?? 0;
    const goal = this.#goal;
    this.#note(key, goal === undefined ? { kind: 'done' } : outcomeOf(device, this.#edit.messages, generation, goal));
  }

  #note(key: string, outcome: Outcome): void {
    this.#outcomes.set(key, outcome);
    this.#progress.show({
      total: this.#total,
      patched: this.#patched,
      done: this.#outcomes.of('done'),
      acknowledged: this.#outcomes.of('acknowledged'),
      failed: this.#outcomes.of('failed'),
      offline: this.#outcomes.of('offline'),
    });
    if (this.#outcomes.ended >= this.#total) this.#ended.resolve();
  }

  /** Until every device is there or failed, the time is over, or the person has enough. */
  async #wait(watching: Promise<void>): Promise<void> {
    const over = new AbortController();
    await Promise.race([
      this.#ended.promise,
      watching,
      pause(this.#flags.timeout, AbortSignal.any([over.signal, this.#io.signal])),
    ]);
    over.abort();
  }

  #report(wanted: number, tookMs: number): number {
    const palette = paletteOf(this.#io.hasColor);
    if (this.#blindness !== undefined)
      this.#io.err(`what becomes of the devices cannot be seen: ${this.#blindness}; see kubectl mir list\n`);
    this.#io.err(groupedLines(this.#outcomes.failures(), palette.bad('✗')));
    // Whoever has interrupted it knows that it is not over.
    if (!this.#io.signal.aborted) this.#io.err(groupedLines(this.#outcomes.late(), palette.waiting('…')));
    const [done, failed] = [this.#outcomes.of('done'), this.#outcomes.of('failed')];
    const late = this.#outcomes.size - done - failed;
    const undone = this.#total - this.#outcomes.size;
    const word = this.#goal === 'Acknowledged' ? 'acknowledged' : 'in sync';
    const parts = [
      `${this.#patched} of ${devices(wanted)} changed`,
      this.#goal === undefined ? '' : (done > 0 ? palette.good : palette.dim)(`${done} ${word}`),
      failed > 0 ? palette.bad(`${failed} failed`) : '',
      late > 0 ? palette.waiting(`${late} not yet (${this.#lateOnes()})`) : '',
      undone > 0 ? palette.waiting(`${undone} not tried: run the same command again to go on`) : '',
    ];
    this.#io.out(`${parts.filter((part) => part !== '').join(', ')} in ${(tookMs / 1000).toFixed(1)} s\n`);
    if (this.#io.signal.aborted) return EXIT.interrupted;
    return failed + late + undone === 0 && this.#blindness === undefined ? EXIT.ok : EXIT.failed;
  }

  #lateOnes(): string {
    return (['offline', 'acknowledged', 'pending'] as const)
      .filter((kind) => this.#outcomes.of(kind) > 0)
      .map((kind) => `${this.#outcomes.of(kind)} ${kind}`)
      .join(', ');
  }
}
