/** One class of objects and how many there are; shared by all objects of it, each of which pays one reference. */
interface Counted {
  readonly name: string;
  count: number;
}

/** How many objects of each class there are. Bounded by the classes that have an object now. */
export class Tally {
  readonly #classes = new Map<string, Counted>();

  /** Counts one object more; what it returns is given back to `remove` when the object leaves the class. */
  add(name: string): Counted {
    const counted = this.#classes.get(name) ?? { name, count: 0 };
    if (counted.count === 0) this.#classes.set(name, counted);
    counted.count += 1;
    return counted;
  }

  remove(counted: Counted): void {
    counted.count -= 1;
    if (counted.count === 0) this.#classes.delete(counted.name);
  }

  *counts(): IterableIterator<readonly [name: string, count: number]> {
    for (const { name, count } of this.#classes.values()) yield [name, count];
  }
}
