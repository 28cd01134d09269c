import type { JsonObject } from '../../api/device.ts';

/** What people write of an object: what an apply is about. */
export function writtenByPeople({ metadata, spec, properties }: JsonObject): JsonObject {
  const { labels, annotations } = (metadata ?? {}) as JsonObject;
  return {
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
    ...(spec !== undefined && { spec }),
    ...(properties !== undefined && { properties }),
  };
}
