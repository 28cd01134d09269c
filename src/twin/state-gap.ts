/**
 * Whether nothing may stand stored of a device that is connected, and why: its topics were cleared with its former object; or its object is
 * new to the operator, and may have had a predecessor. Such a device has to be asked for its state.
 */
export class StateGap {
  #reason: 'cleared' | 'unwatched' | undefined;
  #isAsked = false;

  /** Undefined once the state was read or asked for. */
  get reason(): 'cleared' | 'unwatched' | undefined {
    return this.#isAsked ? undefined : this.#reason;
  }

  noteCleared(): void {
    this.#open('cleared');
  }

  noteUnwatched(): void {
    this.#open('unwatched');
  }

  noteAsked(): void {
    this.#isAsked = true;
  }

  /** The question did not reach the broker, and is due again. */
  noteUnasked(): void {
    this.#isAsked = false;
  }

  close(): void {
    this.#reason = undefined;
  }

  #open(reason: 'cleared' | 'unwatched'): void {
    this.#reason = reason;
    this.#isAsked = false;
  }
}
