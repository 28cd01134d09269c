import type { Outcome } from './outcome.ts';

type Told = readonly [key: string, why: string];

/** What has become of each device, counted as it changes. */
export class Outcomes {
  readonly #byKey = new Map<string, Outcome>();
  readonly #counts = new Map<Outcome['kind'], number>();

  set(key: string, outcome: Outcome): void {
    const former = this.#byKey.get(key);
    if (former !== undefined) this.#add(former.kind, -1);
    this.#byKey.set(key, outcome);
    this.#add(outcome.kind, 1);
  }

  #add(kind: Outcome['kind'], by: number): void {
    this.#counts.set(kind, this.of(kind) + by);
  }

  of(kind: Outcome['kind']): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** Devices that need no more waiting. */
  get ended(): number {
    return this.of('done') + this.of('failed');
  }

  get size(): number {
    return this.#byKey.size;
  }

  failures(): Told[] {
    return [...this.#byKey].flatMap(([key, outcome]) =>
      outcome.kind === 'failed' ? [[key, outcome.why] as const] : [],
    );
  }

  /** Those that are on their way, and how far they have come. */
  late(): Told[] {
    return [...this.#byKey].flatMap(([key, { kind }]) =>
      kind === 'failed' || kind === 'done' ? [] : [[key, kind] as const],
    );
  }
}
