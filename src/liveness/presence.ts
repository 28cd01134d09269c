import type { DeviceStatus } from '../api/device.ts';
import type { Reason } from '../api/reasons.ts';
import type { Birth, Encoding, Farewell } from '../protocol/envelopes.ts';

/**
 * Whether one device is there, as a pure state: `(presence, event) → presence`.
 *
 * Two clocks: `reading` is milliseconds in which the operator was connected and reading (it stands still while the process is
 * frozen or the broker is away), so silence is only ever counted while a message could have been heard. Wall-clock times are
 * epoch milliseconds and serve people and the long sleep only.
 */
export interface Presence {
  readonly online: boolean;
  readonly reason: Reason;
  /** Session of the last birth; undefined: the device has never sent one that named a session. */
  readonly session: string | undefined;
  /** The session before it: hearing from it again means that two processes share the device id. */
  readonly formerSession: string | undefined;
  readonly hasBirth: boolean;
  /** Announced seconds between heartbeats; 0: the device announced none. Undefined: never announced, the default counts. */
  readonly heartbeatSeconds: number | undefined;
  readonly maxBytes: number | undefined;
  /** How the device wants its document. */
  readonly encoding: Encoding;
  /** Reading time of the last sign of life. */
  readonly heardAt: number;
  /** Wall-clock time of the last birth or heartbeat. */
  readonly lastHeartbeat: number | undefined;
  /** Wall-clock time until which the device said it sleeps. */
  readonly asleepUntil: number | undefined;
  /** Reading time at which a last will takes effect unless the device is heard before. */
  readonly willDueAt: number | undefined;
}

export interface Moment {
  /** Wall-clock milliseconds. */
  readonly now: number;
  readonly reading: number;
}

export interface LivenessRules {
  /** Seconds between heartbeats of devices that announced nothing. */
  readonly heartbeatDefaultSeconds: number;
  /** Heartbeat intervals of silence after which a device is offline. */
  readonly silenceFactor: number;
  readonly willGraceSeconds: number;
}

/**
 * How a state message reached us: `live`; `believed`, the retained state after a start or reconnect, when there is nothing better;
 * `recheck`, the same state read again later, when we have been listening all along.
 */
export type Delivery = 'live' | 'believed' | 'recheck';

/** What the object's status remembers; the device gets a full timeout before silence counts. */
export function recallPresence(status: DeviceStatus | undefined, reading: number): Presence {
  const session = status?.session;
  const online = status?.conditions?.find(({ type }) => type === 'Online');
  return {
    online: status?.online ?? false,
    reason: online?.reason ?? 'NeverSeen',
    session: session?.id,
    formerSession: undefined,
    hasBirth: session !== undefined,
    heartbeatSeconds: session === undefined ? undefined : (session.heartbeat ?? 0),
    maxBytes: session?.maxBytes,
    encoding: session?.encoding ?? 'json',
    heardAt: reading,
    lastHeartbeat: status?.lastHeartbeat === undefined ? undefined : Date.parse(status.lastHeartbeat),
    asleepUntil: session?.asleepUntil === undefined ? undefined : Date.parse(session.asleepUntil),
    willDueAt: undefined,
  };
}

export function onBirth(presence: Presence, birth: Birth, delivery: Delivery, at: Moment): Presence {
  // Read again later, the birth of the session we know says nothing new: it must not wake a device that fell silent since.
  if (delivery === 'recheck' && presence.hasBirth && birth.session === presence.session) return presence;
  const isNewSession = birth.session !== presence.session;
  return {
    online: true,
    reason: delivery === 'live' ? 'Birth' : presence.online && !isNewSession ? presence.reason : 'Retained',
    session: birth.session,
    formerSession: isNewSession ? presence.session : presence.formerSession,
    hasBirth: true,
    heartbeatSeconds: birth.heartbeat ?? 0,
    maxBytes: birth.maxBytes,
    encoding: birth.encoding,
    heardAt: at.reading,
    lastHeartbeat: delivery === 'live' ? at.now : presence.lastHeartbeat,
    asleepUntil: undefined,
    willDueAt: undefined,
  };
}

/** True when `birth` comes from a session that another one had already replaced: two processes with one device id. */
export function isDuplicateSession(presence: Presence, birth: Birth): boolean {
  return birth.session !== undefined && birth.session !== presence.session && birth.session === presence.formerSession;
}

export function onFarewell(
  presence: Presence,
  farewell: Farewell,
  delivery: Delivery,
  at: Moment,
  rules: LivenessRules,
): Presence {
  // The will of an older session comes late, after the device is back: only the session that is there can leave.
  const isForeign =
    presence.session !== undefined && farewell.session !== undefined && farewell.session !== presence.session;
  if (isForeign && delivery !== 'believed') return presence;
  if (farewell.asleep !== undefined && farewell.asleep > 0) return fallAsleep(presence, farewell.asleep, delivery, at);
  if (!presence.online) return presence;
  if (farewell.will && delivery !== 'believed') {
    return { ...presence, willDueAt: presence.willDueAt ?? at.reading + rules.willGraceSeconds * 1000 };
  }
  return leave(presence, farewell.will ? 'LastWill' : 'Goodbye');
}

function fallAsleep(presence: Presence, seconds: number, delivery: Delivery, at: Moment): Presence {
  // Retained, the same goodbye is read again and again: the moment it was said counts, which only the live one tells.
  if (delivery !== 'live' && presence.asleepUntil !== undefined) return presence;
  return {
    ...presence,
    online: true,
    reason: 'Asleep',
    asleepUntil: at.now + seconds * 1000,
    heardAt: at.reading,
    willDueAt: undefined,
  };
}

export function onHeartbeat(presence: Presence, at: Moment): Presence {
  const awake = presence.online && presence.reason !== 'Asleep';
  return {
    ...presence,
    online: true,
    reason: awake ? presence.reason : 'Heartbeat',
    heardAt: at.reading,
    lastHeartbeat: at.now,
    asleepUntil: undefined,
    willDueAt: undefined,
  };
}

/** Any other live message: a sign of life, and for a device that has never sent a birth the proof that it is online. */
export function onMessage(presence: Presence, at: Moment): Presence {
  if (presence.online) return { ...presence, heardAt: at.reading };
  if (presence.hasBirth) return presence;
  return { ...presence, online: true, reason: 'Report', heardAt: at.reading };
}

/** What the passing of time does: a will takes effect, a sleeper oversleeps, silence grows too long. */
export function onTick(presence: Presence, at: Moment, rules: LivenessRules): Presence {
  if (!presence.online) return presence;
  if (presence.willDueAt !== undefined && at.reading >= presence.willDueAt) return leave(presence, 'LastWill');
  if (presence.asleepUntil !== undefined) {
    return at.now >= presence.asleepUntil ? leave(presence, 'Silence') : presence;
  }
  const timeout = silenceTimeoutMs(presence, rules);
  return timeout > 0 && at.reading - presence.heardAt >= timeout ? leave(presence, 'Silence') : presence;
}

/** Milliseconds in which `onTick` changes nothing, whatever either clock does short of being set; undefined: it never will. */
export function untouchedMs(presence: Presence, at: Moment, rules: LivenessRules): number | undefined {
  if (!presence.online) return undefined;
  const willMs = (presence.willDueAt ?? Number.POSITIVE_INFINITY) - at.reading;
  const untouched = Math.min(willMs, silentMs(presence, at, rules));
  return untouched === Number.POSITIVE_INFINITY ? undefined : untouched;
}

/** Milliseconds for which the device may go on being silent. */
function silentMs(presence: Presence, at: Moment, rules: LivenessRules): number {
  if (presence.asleepUntil !== undefined) return presence.asleepUntil - at.now;
  const timeout = silenceTimeoutMs(presence, rules);
  return timeout > 0 ? presence.heardAt + timeout - at.reading : Number.POSITIVE_INFINITY;
}

/** Milliseconds of silence after which the device is offline; 0: never, the device announced that it sends no heartbeats. */
function silenceTimeoutMs(presence: Presence, rules: LivenessRules): number {
  return (presence.heartbeatSeconds ?? rules.heartbeatDefaultSeconds) * rules.silenceFactor * 1000;
}

/** After a reconnect nobody has been heard for a while, and nobody is to blame: everyone gets a full timeout. */
export function onReconnect(presence: Presence, reading: number): Presence {
  return { ...presence, heardAt: reading, willDueAt: undefined };
}

function leave(presence: Presence, reason: Reason): Presence {
  return { ...presence, online: false, reason, asleepUntil: undefined, willDueAt: undefined };
}
