import type { Buffer } from 'node:buffer';
import type { Decision, ReportedEnvelope } from './envelopes.ts';
import { PROTOCOL_VERSION } from './envelopes.ts';
import { readEnvelope } from './fields.ts';
import type { JsonLimits, Parsed } from './json.ts';

const DECISIONS: readonly Decision[] = ['accepted', 'applied', 'rejected'];

/** Characters of a reason that are kept; a longer one is cut. */
const MAX_REASON = 1024;

/** The report for the wire, with `version` in front. */
export function encodeReported(envelope: ReportedEnvelope): string {
  return JSON.stringify({ version: PROTOCOL_VERSION, ...envelope });
}

/** Reads `…/reported/{message}`. The smallest report is `{"value": {…}}`; one without value and status says nothing and is refused. */
export function parseReported(payload: Buffer, limits: JsonLimits): Parsed<ReportedEnvelope> {
  return readEnvelope(payload, limits, (fields) => {
    const uid = fields.text('uid', 128);
    const revision = fields.revision('revision');
    const status = fields.oneOf('status', DECISIONS);
    const reason = fields.prose('reason', MAX_REASON);
    const value = fields.object('value');
    if (value === undefined && status === undefined) fields.refuse('value', 'an object, or a status');
    return {
      ...(uid !== undefined && { uid }),
      ...(revision !== undefined && { revision }),
      ...(status !== undefined && { status }),
      ...(reason !== undefined && { reason }),
      ...(value !== undefined && { value }),
    };
  });
}
