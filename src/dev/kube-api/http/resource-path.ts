/** Which resource a URL is about. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly namespace?: string;
  readonly resource: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** Reads `/api/v1/…` and `/apis/<group>/<version>/…`; undefined for what names no resource. */
export function parseResourcePath(pathname: string): ResourcePath | undefined {
  const steps = pathname.split('/').slice(1).map(decode);
  if (steps.at(-1) === '') steps.pop();
  const root = steps.shift();
  if (steps.includes(undefined) || steps.includes('')) return undefined;
  const group = root === 'api' ? '' : root === 'apis' ? steps.shift() : undefined;
  const version = steps.shift();
  if (group === undefined || version === undefined || steps.length === 0) return undefined;
  return { group, version, ...parseTarget(steps.filter((step) => step !== undefined)) };
}

function parseTarget(steps: readonly string[]): Omit<ResourcePath, 'group' | 'version'> {
  const [first = '', second, third] = steps;
  // `namespaces/x/status` is about the namespace itself; no resource is called status or finalize.
  if (first === 'namespaces' && second !== undefined && third !== undefined && !isNamespaceSubresource(third)) {
    return { namespace: second, ...target(third, steps[3], steps.slice(4)) };
  }
  return target(first, second, steps.slice(2));
}

function isNamespaceSubresource(step: string): boolean {
  return step === 'status' || step === 'finalize';
}

function target(resource: string, name: string | undefined, rest: readonly string[]) {
  return {
    resource,
    ...(name === undefined ? {} : { name }),
    ...(rest.length === 0 ? {} : { subresource: rest.join('/') }),
  };
}

function decode(step: string): string | undefined {
  try {
    return decodeURIComponent(step);
  } catch {
    return undefined;
  }
}
