import type { Buffer } from 'node:buffer';
import type { JsonObject } from '../api/device.ts';
import type { Decision, ReportedEnvelope } from './envelopes.ts';
import { PROTOCOL_VERSION } from './envelopes.ts';
import type { Fields } from './fields.ts';
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
 * Reads `…/reported/{message}`. The smallest report is `{"value": {…}}`; one without value and status says nothing and is refused. Value and
 * decision count by themselves: what does not fit in one is among the problems, and the other is taken all the same (decision 0072).
 * `isTyped`: a schema will say what long whole numbers in the value are.
 */
export function parseReported(payload: Buffer, limits: JsonLimits, isTyped = false): Parsed<ReportedEnvelope> {
  return readEnvelope(payload, limits, (fields) => {
    const value = fields.attempt(() => readValue(fields, limits.maxNesting, isTyped));
    const decision = fields.attempt(() => readDecision(fields));
    const reason = fields.attempt(() => fields.prose('reason', MAX_REASON));
    if (value === undefined && decision?.status === undefined) {
      const [problem] = fields.problems;
      if (problem !== undefined) fields.fail(problem.message, problem.reason);
      fields.refuse('value', 'an object, or a status');
    }
    return {
      ...decision,
      ...(decision !== undefined && reason !== undefined && { reason }),
      ...(value !== undefined && { value }),
    };
  });
}

function readValue(fields: Fields, maxNesting: number, isTyped: boolean): JsonObject | undefined {
  const value = fields.object('value');
  const flaw = value === undefined ? undefined : flawOf(value, { maxNesting, isTyped });
  if (flaw !== undefined) fields.fail(`value.${flaw}`, 'InvalidValue');
  return value;
}

/** Whole or not at all: a status without its revision would be about another one. */
function readDecision(fields: Fields): Pick<ReportedEnvelope, 'uid' | 'revision' | 'status'> {
  const uid = fields.text('uid', 128);
  const revision = fields.revision('revision');
  const status = fields.oneOf('status', DECISIONS);
  return {
    ...(uid !== undefined && { uid }),
    ...(revision !== undefined && { revision }),
    ...(status !== undefined && { status }),
  };
}
