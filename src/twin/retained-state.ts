import type { Buffer } from 'node:buffer';
import { ReadWindow } from './read-window.ts';

/** How far the retained messages of one device, other than its document, have been read. */
export class RetainedState {
  #window: ReadWindow | undefined;
  /** Monotonic milliseconds; infinite while a page of the device is asked for or under way. */
  #windowClosesAt: number | undefined;
  #isBelieved = true;
  /** Of the page that is being read: what its birth says the device reports, and how many reports it has shown. */
  #announced: readonly string[] | undefined;
  #shown = 0;

  /** Present while stored messages of the device may arrive. */
  get window(): Pick<ReadWindow, 'heard'> | undefined {
    return this.#window;
  }

  /** The state topic is read for the first time since the last connect: retained state is believed. */
  get isBelieved(): boolean {
    return this.#isBelieved;
  }

  /** A page is asked for. */
  openWindow(maxTopics: number): void {
    this.#window ??= new ReadWindow(maxTopics);
    this.#windowClosesAt = undefined;
  }

  /** A live message: while stored ones may arrive, it counts in their place. */
  hear(topic: string, payload: Buffer): void {
    this.#window?.hear(topic, payload);
  }

  closeWindow(): void {
    this.#window = undefined;
  }

  /** The page has ended; `closeDueWindow` closes it when no other page was asked for until then. */
  closeWindowAt(atMs: number): void {
    this.#windowClosesAt = atMs;
  }

  closeDueWindow(now: number): void {
    if (this.#windowClosesAt !== undefined && this.#windowClosesAt <= now) this.#window = undefined;
  }

  /** What was said while nobody listened is only in the store. */
  believe(): void {
    this.#isBelieved = true;
  }

  noteRead(): void {
    this.#isBelieved = false;
  }

  beginPage(): void {
    this.#announced = undefined;
    this.#shown = 0;
  }

  noteShownReport(): void {
    this.#shown += 1;
  }

  /** The page shows a birth that is believed, and that names these reports. */
  noteAnnounced(names: readonly string[] | undefined): void {
    this.#announced = names;
  }

  /** The reports that the birth of the page names, when the page has not shown as many: a former leader may have been about to ask for them. */
  takeIncomplete(): readonly string[] {
    const names = this.#announced ?? [];
    const isComplete = names.length <= this.#shown;
    this.beginPage();
    return isComplete ? [] : names;
  }
}
