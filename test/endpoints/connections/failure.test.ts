import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { errors } from 'undici'
import { classifyFailure, describeFailure } from '../../../src/endpoints/connections/failure.ts'
import { Http1Error } from '../../../src/http/client/errors.ts'

const coded = (code: string, cause?: unknown) =>
  Object.assign(new Error('secret detail', { cause }), { code })

describe('classifyFailure', () => {
  const cases: [unknown, string][] = [
    [coded('ECONNREFUSED'), 'refused'],
    [coded('ECONNRESET'), 'reset'],
    [coded('EPIPE'), 'reset'],
    [coded('ENOTFOUND'), 'dns'],
    [coded('EPERM'), 'unreachable'],
    [coded('EMFILE'), 'shortage'],
    [coded('ENFILE'), 'shortage'],
    [coded('ENOBUFS'), 'shortage'],
    [coded('ENOMEM'), 'shortage'],
    [coded('EAGAIN'), 'shortage'],
    [coded('EADDRNOTAVAIL'), 'shortage'],
    [coded('EADDRINUSE'), 'shortage'],
    [coded('UND_ERR_SOCKET', coded('EMFILE')), 'shortage'],
    [
      Object.assign(new Error('getaddrinfo EMFILE host'), { code: 'EMFILE', syscall: 'getaddrinfo' }),
      'shortage',
    ],
    // Node gives it the first code.
    [
      Object.assign(new AggregateError([coded('ECONNREFUSED'), coded('EMFILE')]), { code: 'ECONNREFUSED' }),
      'shortage',
    ],
    [
      Object.assign(new AggregateError([coded('EADDRNOTAVAIL'), coded('ECONNREFUSED')]), {
        code: 'EADDRNOTAVAIL',
      }),
      'refused',
    ],
    [
      Object.assign(new AggregateError([coded('ECONNREFUSED'), coded('EADDRNOTAVAIL')]), {
        code: 'ECONNREFUSED',
      }),
      'refused',
    ],
    [
      Object.assign(new AggregateError([coded('EADDRNOTAVAIL'), coded('EADDRNOTAVAIL')]), {
        code: 'EADDRNOTAVAIL',
      }),
      'shortage',
    ],
    [coded('EHOSTUNREACH'), 'unreachable'],
    [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls'],
    [coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'tls'],
    [coded('INVALID_CA'), 'tls'],
    [coded('INVALID_PURPOSE'), 'tls'],
    [coded('PATH_LENGTH_EXCEEDED'), 'tls'],
    [coded('HOSTNAME_MISMATCH'), 'tls'],
    [coded('CRL_HAS_EXPIRED'), 'tls'],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls'],
    [coded('ERR_TLS_HANDSHAKE_TIMEOUT'), 'tls'],
    [coded('HPE_INVALID_CONSTANT'), 'protocol'],
    [new errors.HTTPParserError('Expected HTTP/'), 'protocol'],
    [new errors.ConnectTimeoutError('x'), 'connect_timeout'],
    [new errors.SocketError('other side closed'), 'closed'],
    [new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]), 'refused'],
    [coded('UND_ERR_SOCKET', coded('ECONNRESET')), 'reset'],
    [new Error('no code at all'), 'closed'],
    ['not an error', 'closed'],
  ]
  for (const [error, kind] of cases) {
    it(`classifies ${error instanceof Error ? (Reflect.get(error, 'code') ?? error.name) : error} as ${kind}`, () => {
      assert.equal(classifyFailure(error).kind, kind)
    })
  }
})

describe('describeFailure', () => {
  const cases: [unknown, string][] = [
    [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'TLS handshake failed (it may speak plain HTTP: use http)'],
    [coded('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'), 'TLS handshake failed (it speaks HTTP/2 only)'],
    [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'TLS handshake failed'],
    [
      new Http1Error('ERR_HTTP1_INVALID_RESPONSE', 'not HTTP/1', 'it speaks TLS: use https'),
      'invalid HTTP response (it speaks TLS: use https)',
    ],
    [
      Object.assign(new errors.HTTPParserError('Expected HTTP/'), {
        data: '\x00\x00\x00\x04\x00\x00\x00\x00\x00',
      }),
      'invalid HTTP response (it speaks HTTP/2 only)',
    ],
    [new Http1Error('ERR_HTTP1_INVALID_RESPONSE', 'not HTTP/1'), 'invalid HTTP response'],
    [
      Object.assign(coded('HPE_INVALID_CONSTANT'), { data: '\x15\x03\x01\x00' }),
      'invalid HTTP response (it speaks TLS: use https)',
    ],
    [Object.assign(coded('HPE_INVALID_CONSTANT'), { data: 'SSH-2.0' }), 'invalid HTTP response'],
  ]
  for (const [error, text] of cases) {
    it(`returns ${text}`, () => {
      assert.equal(describeFailure(classifyFailure(error)), text)
    })
  }
})
