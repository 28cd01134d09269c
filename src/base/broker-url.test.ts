import { describe, expect, it } from '@jest/globals';
import { brokerAddress, publicUrl } from './broker-url.ts';

describe('the URL of a broker', () => {
  it.each([
    ['mqtt://broker', { protocol: 'mqtt', host: 'broker' }],
    ['mqtts://broker.example:8884', { protocol: 'mqtts', host: 'broker.example', port: 8884 }],
    ['mqtt://[::1]:1883', { protocol: 'mqtt', host: '::1', port: 1883 }],
    ['ws://[::1]:9001/mqtt', { protocol: 'ws', host: '[::1]', port: 9001, path: '/mqtt' }],
    ['wss://broker/mqtt?token=a%20b', { protocol: 'wss', host: 'broker', path: '/mqtt?token=a%20b' }],
    ['mqtt://user:p%40ss@broker', { protocol: 'mqtt', host: 'broker', username: 'user', password: 'p@ss' }],
    // The client id is configured; a query could only contradict it.
    ['mqtt://broker?clientId=x', { protocol: 'mqtt', host: 'broker' }],
  ])('%s says where to connect', (url, expected) => {
    expect(brokerAddress(url)).toEqual(expected);
  });

  it.each(['', 'broker', 'broker:1883', 'http://broker', 'mqtt:///path'])(
    '%j is answered with how it must look',
    (url) => {
      expect(() => brokerAddress(url)).toThrow(/must look like mqtt:\/\/host:1883/);
      expect(() => publicUrl(url)).toThrow(RangeError);
    },
  );

  it('is logged without credentials', () => {
    expect(publicUrl('mqtts://user:secret@broker:8883')).toBe('mqtts://broker:8883');
    expect(publicUrl('wss://user:secret@broker/mqtt?token=x')).toBe('wss://broker/mqtt');
  });
});
