// Creates a device, waits until the operator has made it Ready, and deletes it again. Run by `helm test` in the operator's image.
import { readFileSync } from 'node:fs';

const ACCOUNT = process.env.SERVICE_ACCOUNT_DIRECTORY ?? '/var/run/secrets/kubernetes.io/serviceaccount';
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, NAMESPACE: namespace } = process.env;
const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
const devices = `https://${authority}/apis/iot.mir/v1alpha/namespaces/${namespace}/devices`;
const name = `helm-test-${Date.now().toString(36)}`;
const WAIT_MS = 60_000;

async function call(method, url, body) {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8').trim()}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${answer.message}`);
  return answer;
}

await call('POST', devices, {
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  metadata: { name },
  spec: { deviceId: name },
  properties: { desired: { 'helm.v1.Test': { isTest: true } } },
});
try {
  const until = Date.now() + WAIT_MS;
  for (;;) {
    const { status } = await call('GET', `${devices}/${name}`);
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status === 'True') break;
    if (Date.now() > until) {
      const last = ready === undefined ? 'no status: does the operator run?' : `${ready.reason}: ${ready.message}`;
      throw new Error(`device ${namespace}/${name} is not Ready after ${WAIT_MS / 1000} s: ${last}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  process.stdout.write(`device ${namespace}/${name} became Ready\n`);
} finally {
  await call('DELETE', `${devices}/${name}`);
}
