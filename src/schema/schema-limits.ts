import { harmless } from '../protocol/text.ts';

/** What a schema that a device brings may have; all of it is checked before anything is built from it. */
export interface SchemaLimits {
  /** Bytes of the serialized descriptor set. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** Messages and enums, nested ones included. */
  readonly maxTypes: number;
  /** Fields and enum values of all types together. */
  readonly maxMembers: number;
  /** Levels of messages defined within messages. */
  readonly maxNesting: number;
  /** Characters of a full name. */
  readonly maxNameLength: number;
}

export const DEFAULT_SCHEMA_LIMITS: SchemaLimits = {
  maxBytes: 262_144,
  maxFiles: 256,
  maxTypes: 1024,
  maxMembers: 16_384,
  maxNesting: 16,
  maxNameLength: 256,
};

/** Why a schema cannot be used. */
export type SchemaReason =
  | 'TooLarge'
  | 'NotADescriptorSet'
  | 'TooMany' // files, types or members
  | 'TooDeep'
  | 'InvalidName'
  | 'InvalidField' // a number, type or label that no field can have
  | 'Duplicate' // a file, name or field number that comes twice
  | 'MissingImport'
  | 'ImportCycle'
  | 'Unresolved' // a type that no file defines
  | 'UnsupportedSyntax';

/** Ends the loading of one schema; becomes its result. */
export class SchemaError extends Error {
  readonly reason: SchemaReason;

  constructor(reason: SchemaReason, message: string) {
    // It quotes names out of the schema.
    super(harmless(message));
    this.reason = reason;
  }
}
