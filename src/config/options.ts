/**
 * Every option of the operator, in one table. Flags (`pageSize` → `--page-size`), environment variables
 * (`MIR_PAGE_SIZE`), file keys (`pageSize`), defaults, help and the table of the reference all come from here.
 */
import { judged, numberBetween, oneOf, optional, required, text, wholeNumber, yesOrNo } from './option.ts';
import type { Option } from './option.ts';
import { prefixFault } from '../protocol/topics.ts';
import { parseAddress } from '../base/address.ts';
import { isUrlWithoutCredentials } from '../base/broker-url.ts';

const file = text('the path of a readable PEM or text file', { minLength: 1 });
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LABEL_PAIR =
  /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?=([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const kubernetesName = text('a name of lower-case letters, digits and "-"', { pattern: LABEL.source });
const mqttUrl = judged(
  'mqtt://host:1883, mqtts://host:8883, ws://… or wss://… without user and password in it',
  isUrlWithoutCredentials,
);
const twoLevels = judged(
  'exactly two topic levels without +, #, spaces or invisible characters, like mir/v1alpha',
  (value) => prefixFault(value) === undefined,
);
const address = judged('host:port or :port, like :8080 or 127.0.0.1:0', (value) => parseAddress(value) !== undefined);

const KUBERNETES = {
  kubeconfig: optional(file, {
    env: 'KUBECONFIG',
    description: 'Kubeconfig file; several separated by ":" are merged.',
    defaultText: 'in-cluster credentials, else ~/.kube/config',
  }),
  context: optional(text('the name of a context in the kubeconfig', { minLength: 1 }), {
    description: 'Context of the kubeconfig.',
    defaultText: 'the current context',
  }),
  namespace: optional(kubernetesName, {
    description: 'Serve only the devices of this namespace.',
    defaultText: 'all namespaces',
  }),
  clusterId: optional(text('1 to 128 printable characters', { pattern: '^[\\x21-\\x7e]{1,128}$' }), {
    description: 'Names this cluster as the owner of what it publishes; clusters that share a broker must differ.',
    defaultText: 'uid of namespace kube-system',
  }),
};

const LEADER = {
  leaderElection: required(yesOrNo, true, {
    description: 'Act only while holding the Lease; switch off for a single process without a second replica.',
  }),
  identity: optional(text('1 to 128 printable characters', { pattern: '^[\\x21-\\x7e]{1,128}$' }), {
    description:
      'Name of this replica in the Lease, unique among the replicas. A leader that restarts under its name leads again at once.',
    defaultText: 'host name in a pod, else host name and a random part',
  }),
  leaseName: required(kubernetesName, 'mir-operator', {
    description: 'Name of the Lease; also part of the MQTT client id, so one name is one installation.',
  }),
  leaseNamespace: optional(kubernetesName, {
    description: 'Namespace of the Lease.',
    defaultText: 'that of the pod; elsewhere the watched namespace, else that of the context, else default',
  }),
};

const BROKER = {
  mqttUrl: required(mqttUrl, 'mqtt://127.0.0.1:1883', { description: 'The broker.' }),
  mqttUsername: optional(text('a user name', { minLength: 1 }), { description: 'User name at the broker.' }),
  mqttPasswordFile: optional(file, {
    description: 'File that holds the password, read at every connect; a final line break is dropped.',
  }),
  mqttPassword: optional(text('the password'), {
    isSecret: true,
    description: 'The password itself; by environment only, a file is better.',
  }),
  mqttCaFile: optional(file, {
    description: "PEM file of the authorities that sign the broker's certificate.",
    defaultText: "Node's built-in authorities",
  }),
  mqttCertFile: optional(file, { description: 'PEM client certificate; needs mqttKeyFile.' }),
  mqttKeyFile: optional(file, { description: 'PEM private key of the client certificate; needs mqttCertFile.' }),
  mqttProtocolVersion: required<4 | 5>(
    { kind: 'number', expects: '5 or 4 (4 is MQTT 3.1.1)', schema: { type: 'number', enum: [4, 5] } },
    5,
    { description: 'MQTT version towards the broker; devices choose their own.' },
  ),
  mqttClientId: optional(text('1 to 128 visible characters without +, # or /', { pattern: '^[^+#/\\p{C}]{1,128}$' }), {
    description: 'MQTT client id, the same for every replica: connecting cuts a former leader off.',
    defaultText: 'derived from cluster, Lease and topic prefix',
  }),
  topicPrefix: required(twoLevels, 'mir/v1alpha', { description: 'The two topic levels before the device id.' }),
  pageSize: required(wholeNumber(1, 10_000), 200, {
    description: 'Exact topic filters of one SUBSCRIBE when retained state is read back from the broker.',
  }),
  pageConcurrency: required(wholeNumber(1, 64), 8, {
    description: 'SUBSCRIBE requests that may be open at once when retained state is read back from the broker.',
  }),
  resyncMinutes: required(numberBetween(0.1, 1440), 10, {
    description: "Minutes (jittered) between two full comparisons of the cluster with the broker's copy.",
  }),
};

const LIMITS = {
  maxDocumentBytes: required(wholeNumber(256, 1_048_576), 16_384, {
    description: 'Bytes of one document, in either direction; keep it under the limit of broker and devices.',
  }),
  maxMessagesPerDevice: required(wholeNumber(1, 128), 64, {
    description: 'Messages that one device may report, and messages that may be desired of it.',
  }),
  maxNesting: required(wholeNumber(2, 256), 32, { description: 'Levels of objects and lists in one document.' }),
  maxTopicBytes: required(wholeNumber(32, 65_535), 256, { description: 'Bytes of a topic.' }),
  maxReportsPerSecond: required(wholeNumber(1, 100_000), 100, {
    description:
      'Reports read from one device per second. When it sends more, the newest report of each message is read in the next second.',
  }),
};

const RATES = {
  statusWriteIntervalSeconds: required(numberBetween(0, 3600), 1, {
    description: "Seconds between two status writes for one device's reported values; the first is at once.",
  }),
  heartbeatWritesPerSecond: required(numberBetween(0, 10_000), 20, {
    description:
      'Status writes per second that carry nothing but heartbeats, all devices together; 0: heartbeats are only written with other changes.',
  }),
  settleMs: required(wholeNumber(0, 10_000), 50, {
    description: "Milliseconds a published change may wait for the device's answer before Pending is written.",
  }),
  eventsPerSecond: required(numberBetween(0, 1000), 10, {
    description: 'Kubernetes events per second, all devices together; more are dropped and counted.',
  }),
};

const LIVENESS = {
  heartbeatDefaultSeconds: required(numberBetween(1, 86_400), 10, {
    description: 'Heartbeat interval assumed for a device that sends heartbeats without having announced one.',
  }),
  silenceFactor: required(numberBetween(1.5, 100), 3, {
    description: 'Heartbeat intervals of silence after which a device is offline.',
  }),
  willGraceSeconds: required(numberBetween(0, 3600), 5, {
    description: 'Seconds a device has to come back after its last will before it is offline.',
  }),
};

const SWEEP = {
  sweepMaxFraction: required(numberBetween(0, 1), 0.05, {
    description:
      'Largest fraction of all documents that is withdrawn at once, and of all objects that may be missing from one LIST; when there are more, all are kept.',
  }),
  sweepMinimum: required(wholeNumber(0, 1_000_000), 50, {
    description: 'Number of documents or objects up to which sweepMaxFraction does not apply: they are always let go.',
  }),
  takeoverGraceSeconds: required(wholeNumber(0, 86_400), 60, {
    description:
      'Seconds for which the id of a deleted object is kept for its namespace before another one may take it.',
  }),
  sweepConfirm: required(yesOrNo, false, {
    description: 'Withdraw the documents that sweepMaxFraction has kept. Set it for one run only.',
  }),
  takeOverForeign: required<readonly string[]>(
    {
      kind: 'list',
      expects: 'cluster ids separated by commas, or * for every owner',
      schema: { type: 'array', items: { type: 'string', minLength: 1 } },
    },
    [],
    {
      description: 'Cluster ids whose documents this operator may replace when it has a device of that id.',
      defaultText: 'none',
    },
  ),
};

const PROVISIONING = {
  provisionNamespace: optional(kubernetesName, {
    description: 'Create an object in this namespace for every unknown device that announces itself.',
    defaultText: 'off',
  }),
  provisionLabels: required<readonly string[]>(
    {
      kind: 'list',
      expects: 'labels separated by commas, like site=a,type=sensor',
      schema: { type: 'array', items: { type: 'string', pattern: LABEL_PAIR.source } },
    },
    [],
    { description: 'Labels of the objects that provisionNamespace creates.', defaultText: 'none' },
  ),
  provisionPerMinute: required(wholeNumber(1, 100_000), 60, {
    description: 'Objects that provisionNamespace may create per minute, all devices together; the rest wait.',
  }),
};

const SCHEMAS = {
  maxSchemas: required(wholeNumber(0, 100_000), 1000, {
    description: 'Schemas in the cluster beyond which no more are stored for devices that bring one.',
  }),
  schemaGraceHours: required(numberBetween(0, 8760), 24, {
    description:
      'Hours for which a schema that a device brought is kept after its last use. Nothing is removed while only one namespace is watched.',
  }),
};

const HISTORY = {
  historyLimit: required(wholeNumber(0, 100), 20, {
    description: 'Changes of what is desired that are kept for each device, with author and outcome; 0: no histories.',
  }),
  historyValueBytes: required(wholeNumber(0, 16_384), 4096, {
    description: "Bytes of a message's values, before and after, up to which a history keeps them; 0: only the names.",
  }),
  historyKeepDeleted: required(yesOrNo, false, {
    description: 'Keep the history of a device that is deleted; otherwise it goes with it.',
  }),
  historyWritesPerSecond: required(numberBetween(0.1, 1000), 50, {
    description: 'Histories written per second at most, all devices together, and only while nothing else waits.',
  }),
};

const VIEW = {
  viewAddress: optional(address, {
    description:
      'Address of the Mir view (`mir/v1alpha` as an aggregated API, over TLS); the chart sets it with `view.enabled`.',
    defaultText: 'off',
  }),
};

const SURFACES = {
  httpAddress: required(address, ':8080', {
    description: 'Address of /metrics, /healthz and /readyz; port 0 takes a free one.',
  }),
  logLevel: required(oneOf('debug', 'info', 'warn', 'error', 'silent'), 'info', {
    description: 'Least level that is logged (JSON lines on standard error).',
  }),
};

/** The options as help and reference group them. */
export const OPTION_GROUPS: readonly (readonly [title: string, options: Readonly<Record<string, Option<unknown>>>])[] =
  [
    ['Kubernetes', KUBERNETES],
    ['Leader election', LEADER],
    ['MQTT', BROKER],
    ['HTTP and logs', SURFACES],
    ['Mir view', VIEW],
    ['Limits', LIMITS],
    ['Rates', RATES],
    ['Liveness', LIVENESS],
    ['Sweep and ownership', SWEEP],
    ['Provisioning', PROVISIONING],
    ['Schemas', SCHEMAS],
    ['History', HISTORY],
  ];

const OPTIONS = {
  ...KUBERNETES,
  ...LEADER,
  ...BROKER,
  ...SURFACES,
  ...VIEW,
  ...LIMITS,
  ...RATES,
  ...LIVENESS,
  ...SWEEP,
  ...PROVISIONING,
  ...SCHEMAS,
  ...HISTORY,
};

type ValueOf<O> = O extends Option<infer T> ? T : never;

/** The operator's configuration, validated and complete; an option without default is undefined when not given. */
export type Config = { readonly [K in keyof typeof OPTIONS]: ValueOf<(typeof OPTIONS)[K]> };

/** Option key → option, in the order of the groups. */
export const ALL_OPTIONS: ReadonlyMap<string, Option<unknown>> = new Map(Object.entries<Option<unknown>>(OPTIONS));
