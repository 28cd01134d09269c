/** What a person sees: commands of the real kubectl, given to both API servers. */

export interface Command {
  /** Words; `{ns}` is a namespace of the case's own, `{hash}` 63 hex digits of its own. */
  readonly args: string;
  readonly stdin?: string;
  /** Reads what the last `get` printed. */
  readonly isPiped?: boolean;
}

export interface KubectlCase {
  readonly name: string;
  readonly commands: readonly Command[];
}

const schema = (digit: string, rest = ''): string => `
apiVersion: iot.mir/v1alpha
kind: schema
metadata:
  name: sha256-${digit}{hash}
  labels: {case: '{ns}', digit: ${digit}}
spec:
  descriptorSet: CgA=${rest}
`;

const device = (name: string, rest = ''): string => `
apiVersion: iot.mir/v1alpha
kind: device
metadata: {name: ${name}, namespace: '{ns}'}
spec: {deviceId: '{ns}-${name}'${rest}}
`;

const list = (...names: readonly string[]): string => {
  const items = names.map((name) => `- ${device(name).trim().replaceAll('\n', '\n  ')}\n`);
  return `apiVersion: v1\nkind: List\nitems:\n${items.join('')}`;
};

const mirView = (identity: string): string => `
apiVersion: mir/v1alpha
kind: device
${identity}: {name: a, namespace: '{ns}'}
spec: {deviceId: '{ns}-a'}
`;

const STATUS = JSON.stringify({
  status: {
    observedGeneration: 1,
    packageNames: ['sensor.v1'],
    messageCount: 1,
    configuration: ['sensor.v1.SampleRate'],
    messages: [{ name: 'sensor.v1.SampleRate', kind: 'configuration', tags: { unit: 's' } }],
    conditions: [
      { type: 'Valid', status: 'True', reason: 'Valid', message: 'fine', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ],
  },
});

const A = 'schema/sha256-a{hash}';
const run = (args: string, stdin?: string): Command => (stdin === undefined ? { args } : { args, stdin });
const piped = (args: string): Command => ({ args, isPiped: true });
const apply = (stdin: string, more = ''): Command => run(`apply -f - ${more}`, stdin);
const shown = (what: string): Command[] => ['', '-o wide', '-o yaml', '-o name'].map((as) => run(`get ${what} ${as}`));
const becomesValid = run(`patch ${A} --subresource=status --type=merge -p ${STATUS.replaceAll(' ', '')}`);

export const KUBECTL_CASES: readonly KubectlCase[] = [
  {
    name: 'what there is',
    commands: [
      run('api-resources --api-group=iot.mir --sort-by=name'),
      run('api-resources --api-group=iot.mir --sort-by=name -o wide'),
      run('api-resources --categories=mir --sort-by=name'),
      // Whole descriptions only below what every object has: those are told in words of our own.
      run('explain schema --recursive'),
      run('explain schema.spec'),
      run('explain schema.status.messages --recursive'),
      run('explain device.spec'),
      run('explain device.nothing'),
    ],
  },
  {
    name: 'a schema that comes, is looked at, and goes',
    commands: [
      run('create -f -', schema('a')),
      run('create -f -', schema('a')),
      becomesValid,
      ...shown(A),
      run(`get ${A} -n {ns}`),
      run('get schemas -l case={ns} --show-labels'),
      run(`get ${A} -o jsonpath={.status.conditions[0].type}`),
      run(`describe ${A}`),
      run(`wait ${A} --for=condition=Valid --timeout=5s`),
      run(`wait ${A} --for=jsonpath={.status.messageCount}=1 --timeout=5s`),
      run(`delete ${A}`),
      run(`get ${A}`),
      run(`delete ${A} --ignore-not-found`),
      run(`delete ${A}`),
    ],
  },
  {
    name: 'a schema that is changed',
    commands: [
      apply(schema('a')),
      apply(schema('a')),
      apply(schema('a'), '--dry-run=server'),
      run('diff -f -', schema('a')),
      run(`label ${A} place=here`),
      run(`annotate ${A} by=me`),
      run(`label ${A} place=there`),
      run(`patch ${A} --type=json -p [{"op":"remove","path":"/metadata/labels/place"}]`),
      run(`patch ${A} --type=merge -p {"spec":{"descriptorSet":"CgB4"}}`),
      run('replace -f -', schema('a')),
      run(`get ${A} -o yaml`),
    ],
  },
  {
    name: 'several schemas',
    commands: [
      apply(['a', 'b', 'c'].map((digit) => schema(digit)).join('---')),
      run('get schemas -l case={ns}'),
      run('get schemas -l case={ns} --sort-by=.metadata.labels.digit --no-headers'),
      run('get schemas -l case={ns} --chunk-size=1 -o name'),
      run('get schemas -A -l case={ns}'),
      run('get mir -A -l case={ns}'),
      run('describe schemas -l case={ns},digit=b'),
      run('delete schemas -l case={ns},digit!=c'),
      run('get schemas -l case={ns} -o name'),
      run('get schemas -l case={ns} --watch --request-timeout=2s'),
      run('get schemas -l case={ns} --watch --output-watch-events -o name --request-timeout=2s'),
      run('delete schemas -l case={ns}'),
      run('get schemas -l case={ns}'),
    ],
  },
  {
    name: 'schemas that are refused',
    commands: [
      apply(schema('a').replace('sha256-', 'sha1-')),
      apply(schema('a').replace('CgA=', '"***"')),
      apply(schema('a', '\n  colour: red')),
      apply(schema('a', '\n  colour: red'), '--validate=ignore'),
      run('create -f -', schema('b').replace('metadata:', "metadata:\n  namespace: '{ns}'")),
      run('get schema none'),
      run('get schemas --field-selector=spec.descriptorSet=x'),
    ],
  },
  {
    name: 'a device that comes, is changed, and goes',
    commands: [
      apply(device('a')),
      ...shown('dev -n {ns}'),
      run('describe device a -n {ns}'),
      run('patch device a -n {ns} --type=merge -p {"spec":{"disabled":true}}'),
      run('diff -f -', device('a', ', disabled: false')),
      apply(device('a', ', disabled: false')),
      run('get devices -n {ns} --field-selector=spec.deviceId={ns}-a'),
      run('delete -f -', device('a')),
      run('get devices -n {ns}'),
    ],
  },
  {
    name: 'a backup and its restore',
    commands: [
      run('create -f -', list('a', 'b')),
      run('create -f -', list('a', 'b')),
      run('get dev -n {ns} -o yaml'),
      piped('apply -f -'),
      run('get dev -n {ns} -o json'),
      piped('apply -f -'),
      run('get dev -n {ns} -o yaml'),
      piped('diff -f -'),
      run('get dev -n {ns} -o yaml'),
      piped('replace -f -'),
      run('get dev -n {ns} -o yaml'),
      piped('delete -f -'),
      piped('apply -f -'),
      piped('delete -f -'),
      piped('create -f -'),
      run('delete dev --all -n {ns}'),
      apply(list('a', 'b')),
      run('diff -f -', list('a', 'b')),
      run('diff -f -', list('a', 'c').replace('{ns}-a', '{ns}-b')),
      run('get dev -n {ns}'),
    ],
  },
  {
    name: 'lists that are refused',
    commands: [
      apply(list('a').replace('spec: {', 'spec: {colour: red, ')),
      apply(list('a').replace("deviceId: '{ns}-a'", 'deviceId: 5')),
      apply(list('a').replace("deviceId: '{ns}-a'", 'disabled: true')),
      apply(
        list('a').replace(
          'spec:',
          'properties: {desired: {a.v1.A: {anything: [1, {goes: null}]}, a.v1.B: 5}}\n  spec:',
        ),
      ),
      apply(list('a').replace('spec:', 'status: {online: "yes", conditions: [{type: Ready}], nothing: 1}\n  spec:')),
      apply(list('a').replace('kind: device', 'kind: gadget')),
      apply(list('a').replace('- apiVersion: iot', '- anApiVersion: iot')),
      apply('apiVersion: v1\nkind: List\n'),
      apply('apiVersion: v1\nkind: List\nitems: []\n'),
    ],
  },
  {
    name: 'server-side apply',
    commands: [
      apply(device('a'), '--server-side'),
      apply(device('a'), '--server-side'),
      run('diff --server-side -f -', device('a')),
      run('diff --server-side -f -', device('a', ', disabled: true')),
      apply(device('a', ', disabled: true'), '--server-side --dry-run=server'),
      apply(device('a', ', disabled: true'), '--server-side'),
      run('get dev a -n {ns} -o yaml --show-managed-fields'),
      apply(device('a', ', disabled: false'), '--server-side --field-manager=other'),
      run('diff --server-side --field-manager=other -f -', device('a', ', disabled: false')),
      run('diff --server-side --field-manager=other --force-conflicts -f -', device('a', ', disabled: false')),
      apply(device('a', ', disabled: false'), '--server-side --field-manager=other --force-conflicts'),
      apply(device('a'), '--server-side --field-manager=other'),
      run('get dev a -n {ns} -o yaml'),
      apply(device('a', ', color: red'), '--server-side'),
      apply(device('b').replace("deviceId: '{ns}-b'", "deviceId: 'a b'"), '--server-side'),
      apply(list('a', 'b'), '--server-side'),
      run('apply --server-side -f - --prune -l none=none', device('a')),
      run('delete dev --all -n {ns}'),
    ],
  },
  {
    name: 'from client-side to server-side apply',
    commands: [
      apply(device('a', ', disabled: true')),
      run('get dev a -n {ns} -o yaml --show-managed-fields'),
      apply(device('a', ', disabled: true'), '--server-side'),
      run('get dev a -n {ns} -o yaml --show-managed-fields'),
      apply(device('a'), '--server-side'),
      run('get dev a -n {ns} -o yaml --show-managed-fields'),
      run('apply view-last-applied dev a -n {ns}'),
      apply(device('a', ', disabled: false')),
      apply(device('a', ', disabled: true'), '--server-side'),
      run('get dev a -n {ns} -o yaml'),
    ],
  },
  {
    name: 'who changed what',
    commands: [
      run('create -f -', device('a')),
      run('label dev a -n {ns} x=y'),
      run('patch dev a -n {ns} --type=merge -p {"spec":{"disabled":true}}'),
      run('patch dev a -n {ns} --subresource=status --type=merge -p {"status":{"online":true}}'),
      run('get dev a -n {ns} -o jsonpath={.metadata.managedFields[*].manager}'),
      run('describe dev a -n {ns}'),
    ],
  },
  {
    name: 'a document of the Mir view where there is none',
    commands: [
      apply(mirView('metadata')),
      apply(mirView('meta')),
      run('create -f -', mirView('metadata')),
      run('create -n {ns} -f -', mirView('meta')),
      run('diff -f -', mirView('metadata')),
      run('replace -f -', mirView('metadata')),
      run('delete -f -', mirView('metadata')),
      apply(mirView('metadata'), '--validate=false'),
      apply(mirView('metadata'), '--server-side'),
      run('get devices.v1alpha.mir -n {ns}'),
      apply(device('a').replace('kind: device', 'kind: gadget')),
    ],
  },
];
