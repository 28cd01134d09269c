/** What the value of an option may be: as much of JSON Schema as options need, so that the chart's own schema says the same. */
export type ValueSchema =
  | { readonly type: 'boolean' }
  | {
      readonly type: 'integer' | 'number';
      readonly minimum?: number;
      readonly maximum?: number;
      readonly enum?: readonly number[];
    }
  | {
      readonly type: 'string';
      readonly minLength?: number;
      readonly pattern?: string;
      readonly enum?: readonly string[];
    }
  | { readonly type: 'array'; readonly items: ValueSchema };

/** Whether `value` is what `schema` describes. */
export function conforms(value: unknown, schema: ValueSchema): boolean {
  switch (schema.type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
    case 'number': {
      if (typeof value !== 'number' || !Number.isFinite(value)) return false;
      const { minimum = value, maximum = value, enum: allowed = [value] } = schema;
      const isWhole = schema.type === 'number' || Number.isSafeInteger(value);
      return isWhole && value >= minimum && value <= maximum && allowed.includes(value);
    }
    case 'string': {
      if (typeof value !== 'string') return false;
      const { minLength = 0, pattern = '', enum: allowed = [value] } = schema;
      return value.length >= minLength && new RegExp(pattern, 'u').test(value) && allowed.includes(value);
    }
    case 'array':
      return Array.isArray(value) && value.every((item) => conforms(item, schema.items));
    default:
      return schema satisfies never;
  }
}
