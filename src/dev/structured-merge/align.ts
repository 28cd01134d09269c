/** A list or map that has become a whole since its fields were owned: who owned something in it owns all of it. */
import { inside, isEmpty, isMember } from './fields.ts';
import type { Fields } from './fields.ts';
import { fieldType } from './merge-type.ts';
import type { MergeType } from './merge-type.ts';
import { fieldNameOf } from './path-element.ts';

/** The same object when nothing has to change. */
export function alignWithType(fields: Fields, type: MergeType): Fields {
  let changed: { [element: string]: Fields } | undefined;
  for (const element in fields) {
    const node = fields[element];
    if (node === undefined || element === '.' || isEmpty(node)) continue;
    const below = typeBelow(type, element);
    const aligned = below === undefined ? node : alignNode(node, below);
    if (aligned !== node) (changed ??= { ...fields })[element] = aligned;
  }
  return changed ?? fields;
}

function alignNode(node: Fields, type: MergeType): Fields {
  const { map, list } = type;
  if (map?.isAtomic === true || (map === undefined && list?.isAtomic === true)) return {};
  const children = alignWithType(node, type);
  return children === node || !isMember(node) || isMember(children) ? children : { '.': {}, ...inside(children) };
}

/** Undefined for what the schema does not name, and below what it leaves free. */
function typeBelow({ map, list }: MergeType, element: string): MergeType | undefined {
  const name = fieldNameOf(element);
  if (name === undefined) return list?.element;
  if (map === undefined || isFree(map.element, map.fields.size)) return undefined;
  return fieldType(map, name);
}

function isFree(element: MergeType | undefined, declared: number): boolean {
  return declared === 0 && element?.scalar === 'untyped';
}
