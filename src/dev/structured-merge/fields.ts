/**
 * Sets of fields in the form in which Kubernetes writes them (FieldsV1), so that nothing is converted on the way in or out.
 * `{"f:spec": {".": {}, "f:deviceId": {}}}` holds `.spec` and `.spec.deviceId`. A node without content is a member; a node with
 * content is one if it has `.`; the root never is. Sets are not changed once they are handed on.
 */
export interface Fields {
  readonly [element: string]: Fields;
}

type Building = { [element: string]: Building };

const SELF = '.';
const NOTHING: Fields = Object.freeze({});

export const noFields = (): Fields => NOTHING;

export function isEmpty(fields: Fields): boolean {
  for (const _ in fields) return false;
  return true;
}

/** Whether the field that a node stands for belongs to the set, not only fields below it. */
export const isMember = (node: Fields): boolean => SELF in node || isEmpty(node);

/** Adds one field to a set that is being made; the path of the root adds nothing. */
export function insert(fields: Fields, path: readonly string[]): void {
  let node: Building = fields;
  for (const [depth, element] of path.entries()) {
    const child = node[element];
    const isLast = depth === path.length - 1;
    if (child === undefined) node[element] = {};
    else if (isLast && !isMember(child)) child[SELF] = {};
    else if (!isLast && isEmpty(child)) child[SELF] = {};
    node = node[element] ?? {};
  }
}

export function union(left: Fields, right: Fields): Fields {
  if (isEmpty(left)) return right;
  if (isEmpty(right)) return left;
  const result: Building = { ...left };
  for (const element in right) {
    const [mine, theirs] = [left[element], right[element]];
    if (theirs === undefined || element === SELF) continue;
    result[element] = mine === undefined ? theirs : joinNodes(mine, theirs);
  }
  return result;
}

function joinNodes(left: Fields, right: Fields): Fields {
  return nodeOf(isMember(left) || isMember(right), union(inside(left), inside(right)));
}

/** What is in both. */
export function intersection(left: Fields, right: Fields): Fields {
  return pick(left, (mine, element) => {
    const theirs = right[element];
    if (theirs === undefined) return undefined;
    return kept(isMember(mine) && isMember(theirs), intersection(inside(mine), inside(theirs)));
  });
}

/** What is in `left` alone; to lose a field is not to lose the fields below it. */
export function difference(left: Fields, right: Fields): Fields {
  if (isEmpty(right)) return left;
  return pick(left, (mine, element) => {
    const theirs = right[element];
    if (theirs === undefined) return mine;
    return kept(isMember(mine) && !isMember(theirs), difference(inside(mine), inside(theirs)));
  });
}

/** The same, where with a field everything below it is lost. */
export function differenceBelow(left: Fields, right: Fields): Fields {
  if (isEmpty(right)) return left;
  return pick(left, (mine, element) => {
    const theirs = right[element];
    if (theirs === undefined) return mine;
    if (isMember(theirs)) return undefined;
    return kept(isMember(mine), differenceBelow(inside(mine), inside(theirs)));
  });
}

/** The node's fields as a set of their own, without the node itself. */
export function inside(node: Fields): Fields {
  if (!(SELF in node)) return node;
  const { [SELF]: _, ...children } = node;
  return children;
}

/** A node of a set; without being a member and without content there is none. */
function nodeOf(isOneself: boolean, children: Fields): Fields {
  return isOneself && !isEmpty(children) ? { [SELF]: NOTHING, ...children } : children;
}

function kept(isOneself: boolean, children: Fields): Fields | undefined {
  return isOneself || !isEmpty(children) ? nodeOf(isOneself, children) : undefined;
}

/** A set whose nodes are replaced one by one; undefined leaves a node out. The same object when nothing changes. */
export function pick(fields: Fields, replace: (node: Fields, element: string) => Fields | undefined): Fields {
  const result: Building = {};
  let hasChanged = false;
  for (const element in fields) {
    const node = fields[element];
    const replaced = node === undefined || element === SELF ? undefined : replace(node, element);
    if (replaced !== node) hasChanged = true;
    if (replaced !== undefined) result[element] = replaced;
  }
  return hasChanged ? result : fields;
}

/** Every field: those of a level before those below it. `order` sorts the elements of a level. */
export function* pathsOf(
  fields: Fields,
  order: (left: string, right: string) => number,
  prefix: readonly string[] = [],
): Generator<readonly string[]> {
  const elements = Object.keys(fields)
    .filter((element) => element !== SELF)
    .sort(order);
  for (const element of elements) if (isMember(fields[element] ?? NOTHING)) yield [...prefix, element];
  for (const element of elements) yield* pathsOf(fields[element] ?? NOTHING, order, [...prefix, element]);
}
