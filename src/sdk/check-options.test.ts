import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { checkOptions } from './check-options.ts';

const broker = { url: 'mqtt://localhost' };
const deviceId = 'd1';

describe('the options of a device', () => {
  it('are taken with all their groups', () => {
    const whole = {
      deviceId: 'aa:bb:cc',
      broker: {
        url: 'mqtts://user:secret@[::1]:8883',
        username: 'u',
        password: 'p',
        tls: { ca: 'PEM', cert: Buffer.from('PEM'), key: new Uint8Array(3) },
        clientId: 'c',
        protocolVersion: 4,
        keepaliveSeconds: 30,
        prefix: 'acme/v2',
        reconnect: { baseMs: 5, maxMs: 20, reportSpreadMs: 0 },
      },
      store: './d1.db',
      messages: { 'a.B': z.object({}) },
      schema: { descriptorSet: new Uint8Array(), encoding: 'protobuf' },
      announce: { heartbeatSeconds: 0.5, maxBytes: 1900, reports: ['a.B'] },
      onEvent: () => {},
    };
    expect(() => checkOptions(whole)).not.toThrow();
    expect(() => checkOptions({ deviceId, broker, store: undefined, announce: {} })).not.toThrow();
  });

  it.each([
    [undefined, 'the options must be an object with deviceId and broker'],
    [{ broker }, 'deviceId is missing; give it'],
    [{ deviceId }, 'broker is missing; give it'],
    [{ deviceId, broker: 'mqtt://localhost' }, 'broker must be an object with url'],
    [{ deviceId, broker: {} }, 'broker.url is missing; give it'],
    [{ deviceId, broker: { url: 'broker:1883' } }, /^broker\.url: the broker URL must look like mqtt:\/\/host:1883/],
    [
      { deviceId: 'hall/1', broker },
      'deviceId must be a level of a topic: letters, digits, - _ and : (128 at most), not "hall/1"',
    ],
    [{ deviceId: '', broker }, /^deviceId must be .* not ""$/],
    [{ deviceId: '+', broker }, /^deviceId must be .* not "\+"$/],
    [{ deviceId, broker, url: 'mqtt://localhost' }, 'url is no option of a device; use broker.url'],
    [
      { deviceId, broker, heartbeatSeconds: 5 },
      'heartbeatSeconds is no option of a device; use announce.heartbeatSeconds',
    ],
    [{ deviceId, broker: { ...broker, ca: 'x' } }, 'broker.ca is no option of a device; use broker.tls.ca'],
    [
      { deviceId, broker, announce: { toString: 1 } },
      'announce.toString is no option of a device; announce has heartbeatSeconds, maxBytes, reports',
    ],
    [{ deviceId, broker: { ...broker, protocolVersion: 3 } }, 'broker.protocolVersion must be 4 or 5, not 3'],
    [{ deviceId, broker: { ...broker, prefix: 'mir' } }, /^broker\.prefix: /],
    [
      { deviceId, broker: { ...broker, keepaliveSeconds: 1e6 } },
      'broker.keepaliveSeconds must be a whole number from 0 to 65535, not 1000000',
    ],
    [
      { deviceId, broker: { ...broker, reconnect: { baseMs: -1 } } },
      'broker.reconnect.baseMs must be a number from 0 to 86400000, not -1',
    ],
    [{ deviceId, broker: { ...broker, password: 5 } }, 'broker.password must be a text, not number'],
    [
      { deviceId, broker: { ...broker, tls: { key: true } } },
      'broker.tls.key must be PEM, as a text or bytes (read the file first), not boolean',
    ],
    [
      { deviceId, broker, store: {} },
      'store must be the path of a file, or a store with load, write and close, not object',
    ],
    [{ deviceId, broker, schema: {} }, 'schema.descriptorSet is missing; give it'],
    [
      { deviceId, broker, schema: { descriptorSet: 'x.pb' } },
      'schema.descriptorSet must be bytes, as compileProtoFiles or protoc makes them, not "x.pb"',
    ],
    [
      { deviceId, broker, announce: { reports: ['sample-rate'] } },
      'announce.reports must be a list of at most 100 message names as sensor.v1.SampleRate, not object',
    ],
    [
      { deviceId, broker, messages: { 'sample-rate': z.object({}) } },
      'messages: "sample-rate" is not a message name; use one as in sensor.v1.SampleRate',
    ],
    [
      { deviceId, broker, messages: { 'a.B': { parse: () => 1 } } },
      'messages: the parser of a.B must be a Standard Schema, as zod, valibot and arktype make them',
    ],
    [{ deviceId, broker, onEvent: 'log' }, 'onEvent must be a function, not "log"'],
  ])('that are %j say what to give', (options, message) => {
    expect(() => checkOptions(options)).toThrow(typeof message === 'string' ? new TypeError(message) : message);
  });
});
