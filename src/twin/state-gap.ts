/**
 * Whether nothing may stand stored of a device that is connected, and why: its topics were cleared with its former object; or its object is
 * new to the operator, and may have had a predecessor. Such a device has to be asked for its state.
 */
export class StateGap {
  #reason: 'cleared' | 'unwatched' | undefined;

  /** Undefined once the state was read or asked for. */
  get reason(): 'cleared' | 'unwatched' | undefined {
    return this.#reason;
  }

  noteCleared(): void {
    this.#reason = 'cleared';
  }

  noteUnwatched(): void {
    this.#reason = 'unwatched';
  }

  close(): void {
    this.#reason = undefined;
  }
}
