/** Steps of a run with their durations, and their sum: what a person reads in a log. */

export class Phases {
  readonly #started = performance.now();
  readonly #durations: [name: string, ms: number][] = [];

  /** Runs one step between two lines that say what and how long. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    console.log(`==> ${name}`);
    const started = performance.now();
    try {
      return await work();
    } finally {
      const ms = performance.now() - started;
      this.#durations.push([name, ms]);
      console.log(`<== ${name}: ${seconds(ms)}`);
    }
  }

  summary(): string {
    const parts = this.#durations.map(([name, ms]) => `${name} ${seconds(ms)}`);
    return `${parts.join(' · ')} · all ${seconds(performance.now() - this.#started)}`;
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
