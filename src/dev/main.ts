import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../base/message-of.ts';
import { startDevWorld } from './dev-world.ts';
import type { DevWorld, DevWorldOptions } from './dev-world.ts';

const USAGE = `A Kubernetes API, an MQTT broker, the operator and simulated devices in one process, with nothing to install.

  npm run dev -- [options]

  --devices N      simulated devices (default 3; the first is the sample twin's temp-sensor-01)
  --no-devices     none
  --data DIR       keep the state of API, broker and devices in DIR
  --api-port P     port of the Kubernetes API (default: a free one)
  --mqtt-port P    port of the broker (default: a free one)
  --http-port P    port of the operator's /metrics (default: a free one)
  --quiet          no line per device event`;

async function main(): Promise<void> {
  const values = readArguments();
  if (values.help === true) {
    console.log(USAGE);
    return;
  }
  const world = await startDevWorld(worldOptions(values));
  console.log(whatToType(world));
  const reason = await Promise.race([stopSignal(), world.operator.then(() => 'the operator ended')]);
  console.log(`\n${reason}: stopping`);
  await world.close();
  // Not by itself: Node may wait for ever, at full load, for a write to a TLS socket that was destroyed under it.
  process.exit();
}

type Values = ReturnType<typeof readArguments>;

function readArguments() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    devices: text,
    'no-devices': flag,
    data: text,
    'api-port': text,
    'mqtt-port': text,
    'http-port': text,
    quiet: flag,
    help: flag,
  } as const;
  return parseArgs({ options, allowPositionals: false }).values;
}

function worldOptions(values: Values): DevWorldOptions {
  return {
    devices: values['no-devices'] === true ? 0 : numberOf('devices', values.devices, 3),
    dataDir: values.data === undefined ? undefined : resolve(values.data),
    runDir: resolve('.dev'),
    apiPort: numberOf('api-port', values['api-port'], 0),
    mqttPort: numberOf('mqtt-port', values['mqtt-port'], 0),
    httpPort: numberOf('http-port', values['http-port'], 0),
    onDeviceEvent: values.quiet === true ? () => {} : (line) => console.log(line),
  };
}

function numberOf(name: string, text: string | undefined, standard: number): number {
  const value = Number(text ?? standard);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new Error(`--${name} ${text} is not a whole number; use 0 or more`);
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
}

function whatToType({ mqttUrl, logFile, deviceIds }: DevWorld): string {
  const { hostname, port } = new URL(mqttUrl);
  const few =
    deviceIds.length > 4
      ? `${deviceIds.slice(0, 3).join(', ')} and ${deviceIds.length - 3} more`
      : deviceIds.join(', ');
  return `
The world is up. Simulated devices: ${few === '' ? 'none' : few}. In another terminal, in this folder:

  export $(cat .dev/env)
  kubectl apply -f manifests/samples/temperature-sensor-01.yaml
  kubectl wait -n building-a --for=condition=Synced dev/temperature-sensor-01
  kubectl get dev -n building-a
  kubectl patch dev -n building-a temperature-sensor-01 --type merge \\
    -p '{"properties":{"desired":{"sensor.v1.SampleRate":{"intervalSeconds":30}}}}'
  kubectl get dev -n building-a temperature-sensor-01 -o yaml
  mosquitto_sub -h ${hostname} -p ${port} -t 'mir/v1alpha/#' -v      # what crosses the broker

The operator's log is ${relative('.', logFile)}. Ctrl-C stops everything.
`;
}

try {
  await main();
} catch (error) {
  console.error(`${messageOf(error)}\nSee npm run dev -- --help.`);
  process.exitCode = 1;
}
