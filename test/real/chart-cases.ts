/** Values of the chart that people set, and values that it refuses. */

const BROKER = ['mqtt.url=', 'broker.enabled=true', 'broker.credentialsSecret=c', 'broker.tls.secretName=t'].flatMap(
  (set) => ['--set', set],
);

/** What is refused, flags of helm, and what the message says. */
export const REFUSED_VALUES: readonly (readonly [what: string, flags: readonly string[], message: RegExp])[] = [
  ['an unknown value', ['--set', 'replicas=2'], /additional properties 'replicas' not allowed/],
  ['an unknown option of the operator', ['--set', 'config.pagesize=2'], /additional properties 'pagesize' not allowed/],
  ['an option out of bounds', ['--set', 'config.pageSize=0'], /pageSize/],
  ['a broker that is no URL', ['--set', 'mqtt.url=broker:1883'], /mqtt\/url/],
  ['no broker at all', ['--set', 'mqtt.url='], /mqtt.url is empty: set it to your broker/],
  [
    'a broker without credentials',
    ['--set', 'mqtt.url=', '--set', 'broker.enabled=true'],
    /broker.credentialsSecret is empty: make one with/,
  ],
  [
    'a broker without a certificate',
    ['--set', 'mqtt.url=', '--set', 'broker.enabled=true', '--set', 'broker.credentialsSecret=c'],
    /broker.tls.secretName is empty/,
  ],
  [
    'two brokers',
    [...BROKER, '--set', 'mqtt.url=mqtt://other:1883'],
    /mqtt.url and broker.enabled=true are two brokers: leave mqtt.url empty/,
  ],
  [
    'a name that its broker does not know',
    [...BROKER, '--set', 'mqtt.username=op'],
    /mqtt.username=op with broker.enabled=true: .* leave mqtt.username empty/,
  ],
  [
    'a password that its broker does not know',
    [...BROKER, '--set', 'mqtt.passwordSecret.name=p'],
    /mqtt.passwordSecret.name=p with broker.enabled=true: .* leave mqtt.passwordSecret.name empty/,
  ],
  [
    'an authority for a broker that is reached without TLS',
    [...BROKER, '--set', 'mqtt.caSecret.name=ca'],
    /mqtt.caSecret or mqtt.clientCertSecret with broker.enabled=true/,
  ],
  [
    "devices' certificates without TLS",
    [...BROKER, '--set', 'broker.tls.clientCertificates=true', '--set', 'broker.tls.enabled=false'],
    /broker.tls.clientCertificates=true with broker.tls.enabled=false: .* set broker.tls.enabled=true/,
  ],
  [
    "a port of the Mir view that is the chart's own",
    ['--set', 'config.viewAddress=:9443'],
    /additional properties 'viewAddress' not allowed/,
  ],
  [
    'two replicas without an election',
    ['--set', 'config.leaderElection=false'],
    /config.leaderElection=false with replicaCount=2: each replica would write and publish; set replicaCount=1/,
  ],
  [
    'a roll-out with two writers',
    ['--set', 'config.leaderElection=false', '--set', 'replicaCount=1', '--set', 'strategy.type=RollingUpdate'],
    /config.leaderElection=false with strategy.type=RollingUpdate: .* set strategy.type=Recreate/,
  ],
  [
    'two replicas without an election, said past config',
    ['--set', 'extraArgs={--leader-election=false}'],
    /--leader-election in extraArgs or extraEnv: .* set config.leaderElection instead/,
  ],
  [
    "a file in place of the chart's own",
    ['--set', 'extraArgs={--config=/etc/mine.yaml}'],
    /--config in extraArgs: .* put the options of yours into config/,
  ],
];

const MONITORING = ['ServiceMonitor', 'PodMonitor', 'PrometheusRule'].map((kind) => `monitoring.coreos.com/v1/${kind}`);
const RELABELING = 'relabelings[0].action=labeldrop,relabelings[0].regex=pod';
const scrape = (monitor: string): string[] =>
  [
    `interval=15s`,
    'scrapeTimeout=10s',
    `labels.release=prometheus`,
    ...RELABELING.split(','),
    'metricRelabelings[0].regex=nodejs_.*',
    'metricRelabelings[0].action=drop',
    'metricRelabelings[0].sourceLabels={__name__}',
  ].map((set) => `metrics.${monitor}.${set}`);

/** What an installation is about, its `--set`, and what the cluster has beside Kubernetes' own kinds (`--api-versions`). */
export const TAKEN_VALUES: readonly (readonly [what: string, sets: readonly string[], kinds?: readonly string[]])[] = [
  ['defaults', []],
  [
    'one replica, nothing optional',
    [
      'replicaCount=1',
      'networkPolicy.enabled=false',
      'service.enabled=false',
      'metrics.dashboard.enabled=false',
      'crds.install=false',
    ],
  ],
  [
    'everything optional',
    [
      'flowControl.enabled=true',
      'priorityClassName=system-cluster-critical',
      'config.provisionNamespace=default',
      'config.clusterId=site-a',
      'service.labels.team=iot',
      'strategy.type=RollingUpdate',
      'strategy.rollingUpdate.maxUnavailable=0',
      'dnsPolicy=None',
      'dnsConfig.nameservers={10.0.0.10}',
      'hostAliases[0].ip=10.0.0.7',
      'hostAliases[0].hostnames={broker.example}',
      'extraInitContainers[0].name=wait',
      'extraInitContainers[0].image=busybox',
      'extraEnv[0].name=TZ',
      'extraEnv[0].value=UTC',
      'extraArgs={--log-level=debug}',
    ],
  ],
  [
    'TLS, password and client certificate',
    [
      'mqtt.url=mqtts://broker.example:8883',
      'mqtt.username=op',
      'mqtt.passwordSecret.name=p',
      'mqtt.caSecret.name=ca',
      'mqtt.clientCertSecret.name=cert',
    ],
  ],
  [
    'an authority from a ConfigMap',
    ['mqtt.url=wss://broker.example', 'mqtt.caSecret.name=ca', 'mqtt.caSecret.kind=ConfigMap'],
  ],
  ['one namespace', ['config.namespace=default']],
  [
    'a Prometheus that reads Services',
    ['metrics.prometheusRule.alertLabels.team=iot', ...scrape('serviceMonitor')],
    MONITORING,
  ],
  ['a Prometheus that reads pods', ['metrics.podMonitor.enabled=true', ...scrape('podMonitor')], MONITORING],
  ['one replica, no election', ['replicaCount=1', 'config.leaderElection=false']],
  ['no Mir view', ['view.enabled=false']],
  [
    'a broker of its own',
    ['mqtt.url=', 'broker.enabled=true', 'broker.credentialsSecret=c', 'broker.tls.secretName=t'],
  ],
  [
    'a broker for devices with certificates',
    [
      'mqtt.url=',
      'broker.enabled=true',
      'broker.credentialsSecret=c',
      'broker.tls.secretName=t',
      'broker.tls.clientCertificates=true',
    ],
  ],
  [
    'a broker for a trial',
    [
      'mqtt.url=',
      'broker.enabled=true',
      'broker.credentialsSecret=c',
      'broker.tls.enabled=false',
      'broker.persistence.enabled=false',
      'broker.service.type=NodePort',
      'broker.service.nodePort=31883',
    ],
  ],
  [
    'an image by digest',
    [`image.registry=registry.example`, `image.digest=sha256:${'0'.repeat(64)}`, 'imagePullSecrets[0].name=pull'],
  ],
  [
    'labels and names',
    [
      'commonLabels.team=iot',
      'podLabels.a=b',
      'fullnameOverride=twins',
      'commonAnnotations.c=d',
      'podDisruptionBudget.maxUnavailable=50%',
    ],
  ],
];
