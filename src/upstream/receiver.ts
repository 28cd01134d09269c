import { copyText } from '../document/copy-text.ts';
import type { BadInputReason } from '../api/bad-input.ts';
import { advanceCopy } from '../twin/advance-copy.ts';
import { isDuplicateSession, noteHeard, onBirth, onFarewell, onHeartbeat, onMessage } from '../presence/presence.ts';
import type { Delivery, Moment, Presence } from '../presence/presence.ts';
import type { IncomingMessage, OversizedMessage } from '../broker/broker.ts';
import type { Birth } from '../protocol/envelopes.ts';
import { isProtobuf, parseReportedProtobuf } from '../protocol/protobuf-envelopes.ts';
import { parseReported } from '../protocol/reported-envelope.ts';
import { parseState } from '../protocol/state-envelope.ts';
import type { ParsedTopic } from '../protocol/topics.ts';
import type { ReceivedEnvelope } from '../twin/inbox.ts';
import type { ReceiverDeps } from './receiver-deps.ts';
import { ReportGate } from './report-gate.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';

/** Births and farewells of one device that are read in a second: a device that comes back says two or three. */
const STATES_PER_SECOND = 10;

/**
 * Takes what the broker delivers into the memory of the device it is about, and wakes who has to look at it.
 * Called for every message in order; synchronous, and a message can only ever touch its own device.
 */
export class Receiver {
  readonly #deps: ReceiverDeps;
  readonly #gate: ReportGate;
  readonly #stateGate = new ReportGate(STATES_PER_SECOND, 1);

  constructor(deps: ReceiverDeps) {
    this.#deps = deps;
    this.#gate = new ReportGate(deps.rules.reportsPerSecond, deps.rules.limits.maxReports);
  }

  readonly route = (message: IncomingMessage): void => {
    const topic = this.#deps.rules.topics.parse(message.topic);
    if (topic === undefined) {
      // A stored message may belong to another application; a live one is a mistake, so it is counted.
      if (message.retained) return this.#routeStray(message.topic);
      this.#deps.observer.refused(
        'InvalidTopic',
        `topic ${JSON.stringify(message.topic.slice(0, 256))} is not of this protocol`,
      );
      return;
    }
    const memory = this.#deps.fleet.get(topic.deviceId);
    if (memory?.owner === undefined) this.#routeUnowned(topic, message, memory);
    else if (topic.kind === 'desired') this.#routeDesired(memory, message);
    else if (memory.isDisabled) this.#refuseDisabled(memory, topic, message);
    else this.#routeUpstream(memory, topic, message);
  };

  /** What a device has stored and nobody can read goes out of the store, or it would come with every page. */
  readonly onOversized = ({ topic, bytes }: OversizedMessage): boolean => {
    const { rules, fleet, observer } = this.#deps;
    const parsed = rules.topics.parse(topic);
    const memory = parsed === undefined ? undefined : fleet.get(parsed.deviceId);
    observer.refused('TooLarge', `${topic.slice(0, 256)} has ${bytes} bytes and is not read`, memory);
    if (parsed?.kind === 'reported') memory?.withdrawal?.noteReport(topic);
    return memory?.owner !== undefined && parsed?.kind !== 'desired';
  };

  #routeUpstream(memory: DeviceMemory, topic: ParsedTopic, message: IncomingMessage): void {
    // Shown by a wildcard that looks for others, it may be older than what was heard since the device's own page.
    if (message.retained && memory.retained.window === undefined) return;
    const heard = message.retained ? memory.retained.window?.heard(message.topic) : undefined;
    if (heard !== undefined) return this.#hearAgain(memory, topic, heard);
    switch (topic.kind) {
      case 'heartbeat':
        // Nobody should retain a heartbeat; a stored one tells nothing about now.
        if (!message.retained) this.#onHeartbeat(memory);
        return;
      case 'reported':
        this.#onReported(memory, topic.message, message);
        return;
      case 'state':
        this.#onState(memory, message);
        return;
      case 'schema':
        if (!message.retained) this.#onSchema(memory, message.payload);
        return;
      case 'get':
      case 'desired':
        return;
      default:
        return topic satisfies never;
    }
  }

  /** The broker shows a message that a newer, live one has replaced. The newer one is read again: the twin may have lost it, as after a restored backup. */
  #hearAgain(memory: DeviceMemory, topic: ParsedTopic, heard: Buffer): void {
    if (topic.kind === 'reported' && heard.length > 0) this.#readReport(memory, topic.message, heard, false);
  }

  #routeUnowned(topic: ParsedTopic, message: IncomingMessage, memory: DeviceMemory | undefined): void {
    const { discovery, provisioner } = this.#deps.ports;
    if (topic.kind === 'state' && !message.retained && message.payload.length > 0)
      this.#deps.fleet.heardAway(topic.deviceId);
    // While its former object's topics are being cleared, what a device says is not an announcement.
    const isForProvisioner = topic.kind === 'state' && memory === undefined;
    if (isForProvisioner && provisioner?.announce(topic.deviceId, message.payload) === true) return;
    if (message.retained) {
      if (topic.kind === 'reported') memory?.withdrawal?.noteReport(message.topic);
      if (topic.kind === 'desired' && memory !== undefined) this.#routeDesired(memory, message);
      discovery.note(topic, message.payload);
      provisioner?.note(topic, message.payload);
    } else if (topic.kind !== 'desired' && topic.kind !== 'get' && !isClear(topic, message)) {
      this.#deps.observer.refused('UnknownDevice', `no object has the device id ${topic.deviceId}`);
    }
  }

  /** A report that no name fits is still stored below its device's id, and goes with the object. */
  #routeStray(topic: string): void {
    const { rules, fleet } = this.#deps;
    const deviceId = rules.topics.reporterOf(topic);
    if (deviceId !== undefined) fleet.get(deviceId)?.withdrawal?.noteReport(topic);
  }

  #refuseDisabled(memory: DeviceMemory, topic: ParsedTopic, message: IncomingMessage): void {
    if (message.retained || topic.kind === 'get') return;
    this.#deps.observer.refused(
      'DeviceDisabled',
      `dropped a ${topic.kind} of ${topic.deviceId}: spec.disabled is true`,
      memory,
    );
  }

  #routeDesired(memory: DeviceMemory, { payload, retained }: IncomingMessage): void {
    if (retained && payload.length === 0) return;
    // A live one of someone else is news, but only a page tells whether it still stands.
    const kind = retained ? 'shown' : 'overheard';
    advanceCopy(memory, { kind, payload: copyText(payload) }, this.#deps.wake);
  }

  #onHeartbeat(memory: DeviceMemory): void {
    this.#deps.observer.heartbeatHeard();
    const at = this.#moment();
    if (!noteHeard(memory.presence, at, true)) this.#setPresence(memory, onHeartbeat(memory.presence, at));
    this.#deps.ports.liveness.heartbeats.add(memory.deviceId);
  }

  #onReported(memory: DeviceMemory, name: string, { payload, retained }: IncomingMessage): void {
    const { observer, rules } = this.#deps;
    const { limits, topics } = rules;
    if (payload.length === 0 && memory.inbox.wasCleared(name)) {
      if (!retained) memory.retained.hear(topics.reported(memory.deviceId, name), payload);
      return;
    }
    observer.reportHeard();
    if (retained && payload.length > 0) memory.retained.noteShownReport();
    const isOversized = payload.length > limits.maxPayloadBytes;
    const admission = retained || isOversized ? 'read' : this.#gate.admit(memory.deviceId, name, payload);
    if (admission === 'read') this.#readReport(memory, name, payload, retained);
    if (admission === 'first-held') {
      this.#refuse(memory, `reported/${name}`, {
        reason: 'TooManyReports',
        message: `more than ${this.#gate.perSecond} reports in a second: of the rest only the newest of each message is read`,
      });
    }
  }

  /** Reads what the gate held back, when its second is over; to be called every so often. */
  releaseHeld(): void {
    const { runtime, fleet } = this.#deps;
    const now = runtime.clock.monotonic();
    const heardOf = (deviceId: string): DeviceMemory | undefined => {
      const memory = fleet.get(deviceId);
      return memory?.owner === undefined || memory.isDisabled ? undefined : memory;
    };
    for (const { deviceId, payload } of this.#stateGate.release(now)) {
      const memory = heardOf(deviceId);
      if (memory !== undefined) this.#readState(memory, payload, false);
    }
    for (const { deviceId, message, payload } of this.#gate.release(now)) {
      const memory = heardOf(deviceId);
      if (memory !== undefined) this.#readReport(memory, message, payload, false);
    }
  }

  #readReport(memory: DeviceMemory, name: string, payload: Buffer, retained: boolean): void {
    const { limits, topics } = this.#deps.rules;
    if (!retained && payload.length <= limits.maxPayloadBytes)
      memory.retained.hear(topics.reported(memory.deviceId, name), payload);
    const parsed = isProtobuf(payload)
      ? parseReportedProtobuf(payload, limits)
      : parseReported(payload, limits, memory.schemaHash !== undefined);
    if (!parsed.ok) return this.#refuse(memory, `reported/${name}`, parsed);
    for (const problem of parsed.problems ?? []) this.#refuse(memory, `reported/${name}`, problem);
    if (retained && memory.inbox.isDropped(name)) return this.#deps.wake.clear(memory, name);
    memory.inbox.noteReported(name);
    if (this.#isOneTooMany(memory, name)) {
      const message = `${memory.inbox.size} other messages of this device wait already (--max-messages-per-device)`;
      return this.#refuse(memory, `reported/${name}`, { reason: 'TooManyMessages', message });
    }
    const envelope = this.#checkDecision(memory, name, parsed.value, retained);
    memory.inbox.put(name, { envelope, receivedAt: this.#deps.runtime.clock.now() });
    if (!retained) this.#noteMessage(memory);
    const isAboutDesired = envelope.status !== undefined || memory.desiredNames.includes(name);
    this.#deps.wake.status(memory, isAboutDesired ? 'sync' : 'reported');
  }

  /** As many again as a twin may have, so that new ones are refused by name before they take the place of those that it has. */
  #isOneTooMany({ inbox, desiredNames }: DeviceMemory, name: string): boolean {
    return inbox.size >= 2 * this.#deps.rules.limits.maxReports && !inbox.has(name) && !desiredNames.includes(name);
  }

  /** Takes the decision out of a report that cannot be about this object's documents; its value counts all the same. */
  #checkDecision(memory: DeviceMemory, name: string, envelope: ReceivedEnvelope, retained: boolean): ReceivedEnvelope {
    const { uid, revision, value } = envelope;
    if (uid === undefined || revision === undefined) return envelope;
    const valueOnly = value === undefined ? {} : { value };
    if (uid !== memory.ownerUid) {
      // Stored, it is what the device said to the object's predecessor; live, the device has not read its new document.
      if (!retained)
        this.#refuse(memory, `reported/${name}`, { reason: 'ForeignUid', message: `uid ${uid} is not this object's` });
      return valueOnly;
    }
    if (!memory.revisions.isPlausible(revision, this.#deps.runtime.clock.monotonic())) {
      this.#refuse(memory, `reported/${name}`, {
        reason: 'BadRevision',
        message: `revision ${revision} was never issued`,
      });
      return valueOnly;
    }
    return envelope;
  }

  #onSchema(memory: DeviceMemory, payload: Buffer): void {
    this.#noteMessage(memory);
    this.#deps.ports.schemas.receive(memory, payload);
  }

  /** A device that flaps costs no more than one that talks: each birth may need a look at its twin and another document. */
  #onState(memory: DeviceMemory, { payload, retained }: IncomingMessage): void {
    const { limits } = this.#deps.rules;
    const isOversized = payload.length > limits.maxPayloadBytes;
    const admission = retained || isOversized ? 'read' : this.#stateGate.admit(memory.deviceId, 'state', payload);
    if (admission === 'read') this.#readState(memory, payload, retained);
    if (admission === 'first-held') {
      const message = `more than ${this.#stateGate.perSecond} births and farewells in a second: of the rest only the newest is read`;
      this.#refuse(memory, 'state', { reason: 'TooManyStates', message });
    }
  }

  #readState(memory: DeviceMemory, payload: Buffer, retained: boolean): void {
    const { limits, topics } = this.#deps.rules;
    const parsed = parseState(payload, limits);
    if (!retained && payload.length <= limits.maxPayloadBytes)
      memory.retained.hear(topics.state(memory.deviceId), payload);
    if (!parsed.ok) return this.#refuse(memory, 'state', parsed);
    for (const problem of parsed.problems ?? []) this.#refuse(memory, 'state', problem);
    memory.stateGap.close();
    const delivery: Delivery = !retained ? 'live' : memory.retained.isBelieved ? 'believed' : 'recheck';
    const state = parsed.value;
    if (state.online) this.#onBirth(memory, state, delivery);
    else
      this.#setPresence(
        memory,
        onFarewell(memory.presence, state, delivery, this.#moment(), this.#deps.ports.liveness.rules),
      );
  }

  #onBirth(memory: DeviceMemory, birth: Birth, delivery: Delivery): void {
    const before = memory.presence;
    if (delivery === 'live' && isDuplicateSession(before, birth)) {
      const message = `sessions ${before.session} and ${birth.session} take turns: two processes use this device id; stop one of them`;
      this.#refuse(memory, 'state', { reason: 'DuplicateSession', message });
    }
    const isNewSession = !isSameSession(before, birth);
    if (isNewSession) this.#beginSession(memory, birth);
    this.#nameRevision(memory, birth);
    this.#setPresence(memory, onBirth(before, birth, delivery, this.#moment()));
    if (delivery === 'live') {
      this.#deps.ports.liveness.heartbeats.add(memory.deviceId);
      this.#deps.ports.expected.expect(memory.deviceId, birth.reports ?? [], this.#deps.runtime.clock.monotonic());
    }
    if (delivery === 'believed') memory.retained.noteAnnounced(birth.reports);
    // That an older stored birth names none says nothing.
    if (birth.schema !== undefined || delivery !== 'recheck')
      this.#deps.ports.schemas.announce(memory, birth.schema, isNewSession);
    if (before.maxBytes !== birth.maxBytes || before.encoding !== birth.encoding) {
      advanceCopy(memory, { kind: 'desiredChanged' }, this.#deps.wake);
      this.#deps.wake.desired(memory.deviceId);
    }
  }

  #beginSession(memory: DeviceMemory, birth: Birth): void {
    memory.revisions.beginSession();
    memory.inbox.beginSession(birth.reports);
    this.#wakeOnline(memory);
  }

  #nameRevision(memory: DeviceMemory, { uid, revision }: Birth): void {
    if (revision === undefined || uid !== memory.ownerUid) return;
    if (!memory.revisions.isPlausible(revision, this.#deps.runtime.clock.monotonic())) {
      this.#refuse(memory, 'state', { reason: 'BadRevision', message: `revision ${revision} was never issued` });
    } else if (memory.revisions.claimByBirth(revision)) {
      this.#deps.wake.desired(memory.deviceId);
    }
  }

  #noteMessage(memory: DeviceMemory): void {
    const at = this.#moment();
    if (!noteHeard(memory.presence, at, false)) this.#setPresence(memory, onMessage(memory.presence, at));
  }

  #setPresence(memory: DeviceMemory, presence: Presence): void {
    const { online, reason, session, asleepUntil } = memory.presence;
    memory.changePresence(presence, this.#deps.runtime.clock.monotonic());
    const isNews =
      presence.online !== online ||
      presence.reason !== reason ||
      presence.session !== session ||
      presence.asleepUntil !== asleepUntil;
    if (!isNews) return;
    this.#wakeOnline(memory);
    this.#deps.ports.schemas.want(memory);
  }

  /** Not before it may be written: a device that flaps costs no look at its status in between. */
  #wakeOnline(memory: DeviceMemory): void {
    this.#deps.wake.status(
      memory,
      'online',
      memory.presenceSlot.flapping?.waitMs(this.#deps.runtime.clock.monotonic()),
    );
  }

  #refuse(memory: DeviceMemory, where: string, { reason, message }: { reason: BadInputReason; message: string }): void {
    this.#deps.observer.refused(reason, `${where} of ${memory.deviceId}: ${message}`, memory);
  }

  #moment(): Moment {
    return { now: this.#deps.runtime.clock.now(), reading: this.#deps.ports.liveness.reading.reading };
  }
}

function isSameSession(before: Presence, birth: Birth): boolean {
  return birth.session !== undefined && birth.session === before.session;
}

/** An empty payload takes something out of the broker's store: ourselves or a person, after an object was deleted. */
function isClear({ kind }: ParsedTopic, { payload }: IncomingMessage): boolean {
  return payload.length === 0 && kind !== 'heartbeat';
}
