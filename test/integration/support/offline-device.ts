/**
 * A device as a program of its own, to be killed. Says what it does on standard error, a line at a time:
 * `run {"intervalSeconds":60}`, `applied {…}`, `withdrawn`, `reported 5`, `event …`.
 */
import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createDevice, describeEvent } from '../../../src/sdk/index.ts';
import { BATTERY, RATE } from './messages.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: '' },
    id: { type: 'string', default: '' },
    'client-id': { type: 'string' },
    store: { type: 'string' },
    /** Never finishes applying. */
    stuck: { type: 'boolean', default: false },
    /** Fails at applying, this many times. */
    failures: { type: 'string', default: '0' },
    /** Reports the battery 1, 2, … up to this number before anything else. */
    reports: { type: 'string', default: '0' },
  },
});
const say = (line: string): void => void writeSync(2, `${line}\n`);

const device = createDevice({
  deviceId: values.id,
  broker: {
    url: values.url,
    ...(values['client-id'] !== undefined && { clientId: values['client-id'] }),
    reconnect: { baseMs: 50, maxMs: 200 },
  },
  ...(values.store !== undefined && { store: values.store }),
  announce: { heartbeatSeconds: 1 },
  onEvent: (event) => say(`event ${describeEvent(event)}`),
});
let failures = Number(values.failures);
device.onDesired(
  RATE,
  async (value) => {
    say(`run ${JSON.stringify(value)}`);
    if (values.stuck) await new Promise(() => {});
    failures -= 1;
    if (failures >= 0) throw new Error('no answer from the sensor');
    say(`applied ${JSON.stringify(value)}`);
  },
  () => say('withdrawn'),
);
await device.connect();
for (let percentage = 1; percentage <= Number(values.reports); percentage += 1) {
  device.report(BATTERY, { percentage });
  say(`reported ${percentage}`);
}
