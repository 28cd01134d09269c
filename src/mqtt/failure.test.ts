import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../broker/broker.ts';
import { describeFailedConnect, describeFailure, refusal } from './failure.ts';

const name = { url: 'mqtt://broker:1883', clientId: 'mir' };
const systemError = (code: string): Error => Object.assign(new Error('no remedy here'), { code });

describe('describeFailure', () => {
  it.each<[string, unknown, string]>([
    ['nobody listens', systemError('ECONNREFUSED'), 'check --mqtt-url'],
    ['an unknown host', systemError('ENOTFOUND'), 'DNS'],
    ['an untrusted certificate', systemError('DEPTH_ZERO_SELF_SIGNED_CERT'), '--mqtt-ca-file'],
    ['a certificate of another host', systemError('ERR_TLS_CERT_ALTNAME_INVALID'), '--mqtt-url'],
    [
      'a certificate of named other hosts',
      Object.assign(systemError('ERR_TLS_CERT_ALTNAME_INVALID'), { cert: { subjectaltname: 'DNS:other.example' } }),
      'for another host (DNS:other.example); check --mqtt-url',
    ],
    ['a certificate of tomorrow', systemError('CERT_NOT_YET_VALID'), 'clocks'],
    ['a key of another certificate', systemError('ERR_OSSL_X509_KEY_VALUES_MISMATCH'), '--mqtt-key-file'],
    ['a client certificate of a stranger', systemError('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), '--mqtt-cert-file'],
    [
      'a client certificate that expired',
      systemError('ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED'),
      'it has expired; renew it and put it into --mqtt-cert-file',
    ],
    [
      'a client certificate that was revoked',
      systemError('ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED'),
      'it is revoked; put another one into --mqtt-cert-file',
    ],
    [
      'a client certificate that the broker finds bad',
      systemError('ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE'),
      'check --mqtt-cert-file',
    ],
    ['an administrator', { code: 0x98 }, 'see its log'],
    ['a bad password (3.1.1)', { code: 4 }, '--mqtt-password-file'],
    ['a bad password (5)', { code: 0x86 }, '--mqtt-password-file'],
    ['missing rights', { code: 0x87 }, 'ACL'],
    ['an old protocol', { code: 1 }, '--mqtt-protocol-version=4'],
    ['a takeover', { code: 0x8e }, 'client id mir; check that no other installation uses it'],
    [
      'a refused subscription',
      refusal('the subscription to a/+', 0x87, name),
      'refused the subscription to a/+: not authorised',
    ],
    ['no reason at all', undefined, 'closed the connection'],
    ['an unknown reason code', { code: 0xff }, 'reason 255'],
    ['an unknown error', new Error('something else'), 'something else'],
  ])('names the remedy for %s', (_, cause, text) => {
    const sentence = describeFailure(cause, name);
    expect(sentence).toContain('broker mqtt://broker:1883 ');
    expect(sentence).toContain(text);
  });

  it.each<[string, unknown, RegExp]>([
    ['no reason at all', undefined, /closed the connection; check scheme and port of --mqtt-url/],
    ['words that are not MQTT', new Error('Invalid header'), /Invalid header; check scheme and port of --mqtt-url/],
    ['nobody who listens', systemError('ECONNREFUSED'), /check --mqtt-url and that the broker is running$/],
    ['what the broker lacks', refusal('QoS 1', 0x9b, name), /enable it$/],
  ])('of a connection that never was names the remedy for %s, once', (_, cause, text) => {
    expect(describeFailedConnect(cause, name)).toMatch(text);
  });

  it('keeps the reason code of a refusal', () => {
    const error = refusal('to store a', 0x97, name);
    expect(error).toBeInstanceOf(BrokerError);
    expect(error).toMatchObject({ kind: 'refused', code: 0x97 });
  });
});
