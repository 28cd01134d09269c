import type { Config } from '../config/load.ts';
import type { OwnershipScope } from '../document/ownership.ts';
import type { ProtocolLimits } from '../protocol/envelopes.ts';
import type { StateLimits } from '../protocol/state-envelope.ts';
import { reservedIds } from '../twin/reserved-ids.ts';
import type { IsReservedId } from '../twin/reserved-ids.ts';

/** How the operator is called: by the cluster whose objects it serves, and at the broker. */
export interface OperatorNames {
  readonly cluster: string;
  readonly clientId: string;
}

/** What several parts of a term go by. */
export interface TermRules {
  readonly scope: OwnershipScope;
  readonly limits: ProtocolLimits & StateLimits & { readonly maxMessages: number };
  readonly isReserved: IsReservedId;
}

export function termRules(config: Config, { cluster, clientId }: OperatorNames): TermRules {
  return {
    scope: { cluster, namespace: config.namespace, takeOver: config.takeOverForeign },
    limits: {
      maxPayloadBytes: config.maxDocumentBytes,
      maxNesting: config.maxNesting,
      maxTopicBytes: config.maxTopicBytes,
      maxReports: config.maxMessagesPerDevice,
      maxMessages: config.maxMessagesPerDevice,
    },
    // No device may have a name that the operator has.
    isReserved: reservedIds([config.mqttUsername, clientId]),
  };
}
