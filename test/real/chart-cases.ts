/** Values of the chart that people set, and values that it refuses. */

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
];

/** What an installation is about, and its `--set`. */
export const TAKEN_VALUES: readonly (readonly [what: string, sets: readonly string[]])[] = [
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
  ['no Mir view', ['view.enabled=false']],
  [
    'a broker of its own',
    ['mqtt.url=', 'broker.enabled=true', 'broker.credentialsSecret=c', 'broker.tls.secretName=t'],
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
