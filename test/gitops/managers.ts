import type { Device } from '../../src/api/device.ts';

export interface FieldManager {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  /** When it last changed a field. */
  readonly time: string;
}

/** Who owns fields of the object, as the API server notes it. */
export function managersOf({ metadata }: Device): readonly FieldManager[] {
  return (metadata as { managedFields?: readonly FieldManager[] }).managedFields ?? [];
}
