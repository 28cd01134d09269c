import { findCondition } from '../api/conditions.ts';
import type { DeviceStatus } from '../api/device.ts';
import { isPresenceReason } from '../api/reasons.ts';
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
  /** The sessions before it, newest first: what stands stored of them is old, and to hear of them live means that two share the device id. */
  readonly former: readonly FormerSession[];
  readonly hasBirth: boolean;
  /** Announced seconds between heartbeats; 0: the device announced none. Undefined: never announced, the default counts. */
  readonly heartbeatSeconds: number | undefined;
  readonly maxBytes: number | undefined;
  /** How the device wants its document. */
  readonly encoding: Encoding;
  /** Reading time of the last sign of life; the two times are all that is ever changed in place, by `noteHeard`. */
  heardAt: number;
  /** Wall-clock time of the last birth or heartbeat. */
  lastHeartbeat: number | undefined;
  /** Wall-clock time until which the device said it sleeps. */
  readonly asleepUntil: number | undefined;
  /** Reading time at which a last will takes effect unless the device is heard before (decision 0001). */
  readonly willDueAt: number | undefined;
}

export interface FormerSession {
  readonly id: string;
  /** It was replaced before it took leave: its last will may come yet, and stand stored in place of the birth that is true. */
  readonly isOpen: boolean;
}

/** Sessions kept of those that are over; a will comes late by one and a half keep-alives, in which few others begin and end. */
const MAX_FORMER = 3;

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
  return {
    online: status?.online ?? false,
    reason: recallReason(status),
    session: session?.id,
    former: (session?.former ?? []).map((id) => ({ id, isOpen: true })),
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

/** That it flapped, was disabled or was another object's says nothing of how the device is. */
function recallReason(status: DeviceStatus | undefined): Reason {
  const reason = findCondition(status?.conditions, 'Online')?.reason;
  if (reason !== undefined && reason !== 'Flapping' && isPresenceReason(reason)) return reason;
  if (status?.online === true) return 'Retained';
  return status?.session === undefined && status?.lastHeartbeat === undefined ? 'NeverSeen' : 'LastWill';
}

export function onBirth(presence: Presence, birth: Birth, delivery: Delivery, at: Moment): Presence {
  if (delivery !== 'live' && !isNewBirth(presence, birth, delivery)) return presence;
  const isNewSession = birth.session !== presence.session;
  return {
    online: true,
    reason: delivery === 'live' ? 'Birth' : presence.online && !isNewSession ? presence.reason : 'Retained',
    session: birth.session,
    former: isNewSession ? formerAfter(presence, birth) : presence.former,
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

/**
 * Whether a stored birth says more than is known. A named session is born once: what was heard of it since (its leave, its sleep, its
 * silence) is newer. One without a name may be another; only silence, which a birth that was stored before cannot end, stays.
 */
function isNewBirth(presence: Presence, birth: Birth, delivery: Delivery): boolean {
  if (!presence.hasBirth) return true;
  if (isFormer(presence, birth.session)) return false;
  if (birth.session !== presence.session) return true;
  if (delivery === 'recheck' || presence.reason === 'Silence') return false;
  return birth.session === undefined ? !presence.online || presence.reason === 'Asleep' : !isOver(presence);
}

/** It is known how the session of the device ended, or that it sleeps or is there. */
function isOver({ online, reason }: Presence): boolean {
  return online || reason === 'Goodbye' || reason === 'LastWill' || reason === 'Silence';
}

function isFormer({ former }: Presence, session: string | undefined): boolean {
  return former.some(({ id }) => id === session);
}

function formerAfter({ former, session, online, willDueAt, asleepUntil }: Presence, birth: Birth): FormerSession[] {
  const isOpen = online && willDueAt === undefined && asleepUntil === undefined;
  const all = session === undefined ? former : [{ id: session, isOpen }, ...former];
  return all.filter(({ id }) => id !== birth.session).slice(0, MAX_FORMER);
}

/** True when `birth` comes from a session that another one had already replaced: two processes with one device id. */
export function isDuplicateSession(presence: Presence, birth: Birth): boolean {
  return birth.session !== undefined && birth.session === presence.former[0]?.id;
}

export function onFarewell(
  presence: Presence,
  farewell: Farewell,
  delivery: Delivery,
  at: Moment,
  rules: LivenessRules,
): Presence {
  if (!isNewFarewell(presence, farewell, delivery, rules)) return presence;
  if (farewell.asleep !== undefined && farewell.asleep > 0) return fallAsleep(presence, farewell.asleep, delivery, at);
  if (!presence.online) return presence;
  if (farewell.will && delivery !== 'believed') {
    return { ...presence, willDueAt: presence.willDueAt ?? at.reading + rules.willGraceSeconds * 1000 };
  }
  return leave(presence, farewell.will ? 'LastWill' : 'Goodbye');
}

/**
 * The will of an older session comes late, after the device is back: only the session that is there can leave (decision 0034). Stored, the
 * farewell of a session that nobody saw is believed after a start; that of the one we know, unless we know more: that it is over, or that
 * the device was heard since, which silence judges then.
 */
function isNewFarewell(presence: Presence, farewell: Farewell, delivery: Delivery, rules: LivenessRules): boolean {
  const { session, reason, online } = presence;
  const isForeign = session !== undefined && farewell.session !== undefined && farewell.session !== session;
  if (isForeign) return delivery === 'believed' && !isFormer(presence, farewell.session);
  if (delivery === 'live') return true;
  const isRevived = online && (reason === 'Heartbeat' || reason === 'Report') && silenceTimeoutMs(presence, rules) > 0;
  return !isRevived && reason !== 'Silence';
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

/**
 * Notes a sign of life that says nothing but when, in `presence` itself; false: it says more, and makes another presence. Tens of
 * thousands come in a second, each replaced by the next of its device: as objects they live just long enough to be copied twice.
 */
export function noteHeard(presence: Presence, at: Moment, isHeartbeat: boolean): boolean {
  if (!presence.online) return false;
  if (isHeartbeat && (presence.asleepUntil !== undefined || presence.willDueAt !== undefined)) return false;
  if (isHeartbeat && presence.reason === 'Asleep') return false;
  presence.heardAt = at.reading;
  if (isHeartbeat) presence.lastHeartbeat = at.now;
  return true;
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
