import type { Buffer } from 'node:buffer';
import { parseDesired } from '../protocol/desired-document.ts';
import type { DesiredDocument, Encoding, ReportedEnvelope } from '../protocol/envelopes.ts';
import type { JsonLimits, Parsed } from '../protocol/json.ts';
import { encodeReported } from '../protocol/reported-envelope.ts';

/** How desired documents and reports are written on the wire; `state` is JSON always. The one place where protobuf enters. */
export interface DeviceCodec {
  /** Announced in the birth. */
  readonly encoding: Encoding;
  /** Values come out as proto3 JSON objects. Also given documents in JSON, which is what a device gets before its first birth. */
  parseDesired(payload: Buffer, limits: JsonLimits): Parsed<DesiredDocument>;
  encodeReported(message: string, envelope: ReportedEnvelope): string | Buffer;
}

export const jsonCodec: DeviceCodec = {
  encoding: 'json',
  parseDesired,
  encodeReported: (_, envelope) => encodeReported(envelope),
};
