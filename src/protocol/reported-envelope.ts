import type { Buffer } from 'node:buffer';
import type { Decision, ReadReport, ReportedEnvelope } from './envelopes.ts';
import { PROTOCOL_VERSION } from './envelopes.ts';
import { readEnvelope } from './fields.ts';
import { flawOf } from './flaw.ts';
import type { JsonLimits, Parsed } from './json.ts';

const DECISIONS: readonly Decision[] = ['accepted', 'applied', 'rejected'];

/** Characters of a reason that are kept; a longer one is cut. */
const MAX_REASON = 1024;

/** The report for the wire, with `version` in front. */
export function encodeReported(envelope: ReportedEnvelope): string {
  return JSON.stringify({ version: PROTOCOL_VERSION, ...envelope });
}

/**
 * Reads `…/reported/{message}`. The smallest report is `{"value": {…}}`; one without value and status says nothing and is refused.
 * `isTyped`: a schema will say what long whole numbers in the value are.
 */
export function parseReported(payload: Buffer, limits: JsonLimits, isTyped = false): Parsed<ReadReport> {
  return readEnvelope(payload, limits, (fields) => {
    const uid = fields.text('uid', 128);
    const revision = fields.revision('revision');
    const status = fields.oneOf('status', DECISIONS);
    const reason = fields.prose('reason', MAX_REASON);
    const value = fields.object('value');
    if (value === undefined && status === undefined) fields.refuse('value', 'an object, or a status');
    const flaw = value === undefined ? undefined : flawOf(value, { maxNesting: limits.maxNesting, isTyped });
    if (flaw !== undefined && status === undefined) fields.fail(`value.${flaw}`, 'InvalidValue');
    return {
      ...(uid !== undefined && { uid }),
      ...(revision !== undefined && { revision }),
      ...(status !== undefined && { status }),
      ...(reason !== undefined && { reason }),
      ...(flaw !== undefined ? { flaw } : value !== undefined && { value }),
    };
  });
}
