/** The parts of descriptor.proto that a schema is made of, as they are read. Names are as written; nothing is checked against anything else. */
import type { MessageKind } from './device-schema.ts';

export interface FileDescriptor {
  readonly name: string;
  readonly packageName: string;
  readonly imports: readonly string[];
  readonly messages: readonly MessageDescriptor[];
  readonly enums: readonly EnumDescriptor[];
  /** `proto2` also when absent, as descriptor.proto has it. */
  readonly syntax: string;
}

export interface MessageDescriptor {
  readonly name: string;
  readonly fields: readonly FieldDescriptor[];
  readonly messages: readonly MessageDescriptor[];
  readonly enums: readonly EnumDescriptor[];
  readonly oneofs: readonly string[];
  readonly isMapEntry: boolean;
  readonly kind: MessageKind;
  readonly tags: Readonly<Record<string, string>>;
}

export interface FieldDescriptor {
  readonly name: string;
  readonly jsonName: string;
  readonly number: number;
  /** `LABEL_…` of FieldDescriptorProto. */
  readonly label: number;
  /** `TYPE_…` of FieldDescriptorProto. */
  readonly type: number;
  /** `.package.Name`; empty for scalars. */
  readonly typeName: string;
  readonly oneofIndex: number | undefined;
  readonly isProto3Optional: boolean;
  readonly packed: boolean | undefined;
}

export interface EnumDescriptor {
  readonly name: string;
  readonly values: readonly { readonly name: string; readonly number: number }[];
}

export const LABEL_REQUIRED = 2;
export const LABEL_REPEATED = 3;

export const TYPE_GROUP = 10;
export const TYPE_MESSAGE = 11;
export const TYPE_ENUM = 14;
