/**
 * The same as `show` for one device, made of parts of its text instead of values: a list of 500 devices is 1.6 MB, and to parse and write all
 * of it would take longer than the API server needs to send it. Undefined for whatever is not plain: then `show` does it.
 */
import { API_VERSION, DEVICE_KIND } from '../api/device.ts';
import { isToolAnnotation, MIR_API_VERSION } from './mir-shape.ts';

/** A member of an object: its name as it is written, and where its value stands. */
interface Member {
  readonly name: string;
  readonly value: string;
}

/** Without white space, as API servers write. */
export function spliceDevice(text: string): string | undefined {
  const device = membersOf(text);
  if (device === undefined || device.some(({ name }) => !KNOWN.has(name))) return undefined;
  if (valueOf(device, 'apiVersion') !== `"${API_VERSION}"` || valueOf(device, 'kind') !== `"${DEVICE_KIND}"`)
    return undefined;
  const metadata = membersOf(valueOf(device, 'metadata'));
  const spec = membersOf(valueOf(device, 'spec') ?? '{}');
  const properties = membersOf(valueOf(device, 'properties') ?? '{}');
  const status = membersOf(valueOf(device, 'status') ?? '{}');
  if (metadata === undefined || spec === undefined || properties === undefined || status === undefined)
    return undefined;
  const [meta, shownMetadata] = [metaOf(metadata), shown(metadata)];
  if (meta === undefined || shownMetadata === undefined) return undefined;
  const reported = status.filter(({ name }) => name === 'reported');
  const isDesired = ({ name }: Member): boolean => name === 'desired';
  const others = properties.filter((member) => !isDesired(member));
  const shownProperties = [...properties.filter(isDesired), ...reported, ...others];
  const shownStatus = ordered(
    status.filter(({ name }) => name !== 'reported'),
    STATUS_ORDER,
  );
  return objectOf([
    { name: 'apiVersion', value: `"${MIR_API_VERSION}"` },
    { name: 'kind', value: `"${DEVICE_KIND}"` },
    { name: 'meta', value: meta },
    { name: 'metadata', value: shownMetadata },
    { name: 'spec', value: objectOf(ordered(spec, SPEC_ORDER)) },
    ...(shownProperties.length === 0 ? [] : [{ name: 'properties', value: objectOf(shownProperties) }]),
    ...(shownStatus.length === 0 ? [] : [{ name: 'status', value: objectOf(shownStatus) }]),
  ]);
}

const KNOWN: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'properties', 'status']);
const SPEC_ORDER = ['deviceId', 'disabled'];
const STATUS_ORDER = ['online', 'lastHeartbeat', 'schema', 'properties'];

function metaOf(metadata: readonly Member[]): string | undefined {
  const annotations = valueOf(metadata, 'annotations');
  const kept = annotations === undefined ? [] : membersOf(annotations)?.filter(({ name }) => !isToolAnnotation(name));
  const hasName = metadata.some(({ name }) => name === 'name');
  // A name with an escape in it is not read here.
  if (!hasName || kept === undefined || kept.some(({ name }) => name.includes('\\'))) return undefined;
  const fields = ['name', 'namespace', 'labels'].flatMap((name) => metadata.filter((member) => member.name === name));
  return objectOf(kept.length === 0 ? fields : [...fields, { name: 'annotations', value: objectOf(kept) }]);
}

/** Undefined where a tool's annotation or an old entry of managedFields has more to it. */
function shown(metadata: readonly Member[]): string | undefined {
  if (valueOf(metadata, 'annotations')?.includes(API_VERSION) === true) return undefined;
  const entries = valueOf(metadata, 'managedFields');
  if (entries?.includes('"f:reported"') === true) return undefined;
  // No text can hold it unescaped.
  const renamed = entries?.replaceAll(`"apiVersion":"${API_VERSION}"`, `"apiVersion":"${MIR_API_VERSION}"`);
  return objectOf(
    metadata.map((member) => (member.name === 'managedFields' ? { ...member, value: renamed ?? '' } : member)),
  );
}

/** Those of `first` in that order, then the others as they stand. */
function ordered(members: readonly Member[], first: readonly string[]): Member[] {
  const named = first.flatMap((name) => members.filter((member) => member.name === name));
  return [...named, ...members.filter(({ name }) => !first.includes(name))];
}

function valueOf(members: readonly Member[], name: string): string | undefined {
  return members.find((member) => member.name === name)?.value;
}

function objectOf(members: readonly Member[]): string {
  return `{${members.map(({ name, value }) => `"${name}":${value}`).join(',')}}`;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Undefined for what is no object without white space between its parts. */
function membersOf(text: string | undefined): Member[] | undefined {
  if (text === undefined || text.charCodeAt(0) !== OPEN_OBJECT || text.charCodeAt(text.length - 1) !== CLOSE_OBJECT)
    return undefined;
  const members: Member[] = [];
  let at = 1;
  if (text.length === 2) return members;
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = endOfText(text, at);
    if (text.charCodeAt(nameEnd) !== COLON) return undefined;
    const end = endOfValue(text, nameEnd + 1);
    members.push({ name: text.slice(at + 1, nameEnd - 1), value: text.slice(nameEnd + 1, end) });
    if (end === text.length - 1) return members;
    if (text.charCodeAt(end) !== COMMA) return undefined;
    at = end + 1;
  }
  return undefined;
}

/** Behind its closing quote; the end of everything where there is none. */
function endOfText(text: string, begin: number): number {
  let end = text.indexOf('"', begin + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}

function endOfValue(text: string, begin: number): number {
  const first = text.charCodeAt(begin);
  if (first === QUOTE) return endOfText(text, begin);
  if (first === OPEN_OBJECT || first === OPEN_LIST) return endOfHolder(text, begin);
  let end = begin;
  while (end < text.length && !isEnd(text.charCodeAt(end))) end += 1;
  return end;
}

function isEnd(code: number): boolean {
  return code === COMMA || code === CLOSE_OBJECT || code === CLOSE_LIST;
}

function endOfHolder(text: string, begin: number): number {
  let depth = 0;
  for (let at = begin; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfText(text, at) - 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) depth += 1;
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
