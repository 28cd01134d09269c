import type { Api } from '../handlers/call.ts';
import { FRONT_PROXY_NAME } from '../http/certificates.ts';
import type { ServerIdentity } from '../http/certificates.ts';
import { timestamp } from '../kube-object.ts';
import { configMapType } from '../registry/builtin/data-types.ts';

/** Where servers behind this one read whom they may believe; the certificate is another one after every start. */
export function publishFrontProxy(api: Api, { caPem }: ServerIdentity): void {
  const [namespace, name] = ['kube-system', 'extension-apiserver-authentication'];
  const before = api.store.get(configMapType.id, `${namespace}/${name}`);
  api.store.put(configMapType.id, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: before?.metadata ?? {
      name,
      namespace,
      uid: crypto.randomUUID(),
      creationTimestamp: timestamp(api.now()),
    },
    data: {
      'requestheader-client-ca-file': caPem,
      'requestheader-allowed-names': JSON.stringify([FRONT_PROXY_NAME]),
      'requestheader-username-headers': '["X-Remote-User"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    },
  });
}
