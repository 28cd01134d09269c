/** Where a desired message can stand. What these states have in common is said here, and nowhere else. */

interface SyncStateFacts {
  /** The device, or the device's schema, said no: a person must change something. */
  readonly isRefusal?: true;
  /** What is desired is valid, and the device does not report it (yet). */
  readonly isOpen?: true;
  /** It will be another state soon, unless the device is away. */
  readonly isOnItsWay?: true;
}

/** The furthest from being in sync first. */
const STATES = {
  Rejected: { isRefusal: true },
  Invalid: { isRefusal: true },
  Drifted: { isOpen: true },
  Pending: { isOpen: true, isOnItsWay: true },
  Acknowledged: { isOpen: true, isOnItsWay: true },
  InSync: {},
} as const satisfies Readonly<Record<string, SyncStateFacts>>;

export type SyncState = keyof typeof STATES;
/** `InSync` apart, a state is a refusal or open. */
export type Refusal = { [S in SyncState]: (typeof STATES)[S] extends { isRefusal: true } ? S : never }[SyncState];

/** The furthest from being in sync first. */
export const SYNC_STATES = Object.keys(STATES) as readonly SyncState[];

export function isSyncState(state: string): state is SyncState {
  return Object.hasOwn(STATES, state);
}

export function isRefusal(state: string | undefined): state is Refusal {
  return factsOf(state).isRefusal === true;
}

export function isOpen(state: string | undefined): boolean {
  return factsOf(state).isOpen === true;
}

export function isOnItsWay(state: string | undefined): boolean {
  return factsOf(state).isOnItsWay === true;
}

/** The one of `states` that is furthest from being in sync; undefined: none of them is a state. */
export function worstOf(states: readonly (string | undefined)[]): SyncState | undefined {
  return SYNC_STATES.find((state) => states.includes(state));
}

function factsOf(state: string | undefined): SyncStateFacts {
  return state !== undefined && isSyncState(state) ? STATES[state] : {};
}
