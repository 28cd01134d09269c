interface Entry {
  readonly key: string;
  readonly dueAt: number;
}

/** Keys by the time at which they are due, earliest first. One entry a key: an earlier time replaces a later one. */
export class DelayHeap {
  readonly #heap: Entry[] = [];
  /** What counts for a key; entries in the heap that say otherwise are leftovers and skipped. */
  readonly #dueAt = new Map<string, number>();

  get size(): number {
    return this.#dueAt.size;
  }

  /** Milliseconds at which the next key is due; undefined: none waits. */
  get nextDueAt(): number | undefined {
    this.#dropLeftovers();
    return this.#heap[0]?.dueAt;
  }

  add(key: string, dueAt: number): void {
    const present = this.#dueAt.get(key);
    if (present !== undefined && present <= dueAt) return;
    this.#dueAt.set(key, dueAt);
    this.#heap.push({ key, dueAt });
    this.#rise(this.#heap.length - 1);
  }

  remove(key: string): void {
    this.#dueAt.delete(key);
  }

  /** Removes and returns the keys that are due at `now`. */
  takeDue(now: number): string[] {
    const due: string[] = [];
    for (let next = this.nextDueAt; next !== undefined && next <= now; next = this.nextDueAt) {
      const entry = this.#pop();
      if (entry === undefined) break;
      this.#dueAt.delete(entry.key);
      due.push(entry.key);
    }
    return due;
  }

  #dropLeftovers(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#dueAt.get(top.key) !== top.dueAt; top = this.#heap[0])
      this.#pop();
  }

  #pop(): Entry | undefined {
    const top = this.#heap[0];
    const last = this.#heap.pop();
    if (top === undefined || last === undefined || this.#heap.length === 0) return top;
    this.#heap[0] = last;
    this.#sink(0);
    return top;
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isEarlier(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ;) {
      const left = at * 2 + 1;
      const child = this.#isEarlier(left + 1, left) ? left + 1 : left;
      if (!this.#isEarlier(child, at)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    return first !== undefined && (second === undefined || first.dueAt < second.dueAt);
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
  }
}
