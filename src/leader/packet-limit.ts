import { DEFAULT_SCHEMA_LIMITS } from '../schema/schema-limits.ts';

/** What a packet has beside its payload: a topic, and properties that somebody may have added. */
const PACKET_HEAD_BYTES = 4096;

/** Bytes of the largest packet that may hold something of use: a document, a report or a schema. */
export function maxPacketBytes(config: { readonly maxDocumentBytes: number }): number {
  return Math.max(config.maxDocumentBytes, DEFAULT_SCHEMA_LIMITS.maxBytes) + PACKET_HEAD_BYTES;
}
