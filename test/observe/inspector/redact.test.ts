import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { redactSecrets } from '../../../src/observe/inspector/redact.ts'

describe('redactSecrets', () => {
  it('hides values of secret keys, also in JSON inside a string', () => {
    const inner = JSON.stringify({ api_key: 'abc "quoted" def', path: '/x' })
    const redacted = redactSecrets({
      password: 'hunter2',
      'x-api-key': 'k',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUt',
      nested: { refreshToken: 'r', text: inner },
      max_tokens: 10,
      tokens: 'kept',
      list: [{ cookie: 'c' }, null, true],
    })
    assert.deepEqual(redacted, {
      password: '[redacted]',
      'x-api-key': '[redacted]',
      AWS_SECRET_ACCESS_KEY: '[redacted]',
      nested: { refreshToken: '[redacted]', text: '{"api_key":"[redacted]","path":"/x"}' },
      max_tokens: 10,
      tokens: 'kept',
      list: [{ cookie: '[redacted]' }, null, true],
    })
  })

  it('hides values that look like a secret', () => {
    const secrets = [
      'Authorization: Bearer abcdefgh12345678',
      `sk-ant-${'0123456789abcdef'}`,
      'export OPENAI_API_KEY=abcdefgh12345678',
      'ghp_0123456789abcdefghij',
      'hf_0123456789abcdefghijklmn',
      'AKIAIOSFODNN7EXAMPLE',
      'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N',
      '-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----',
      'xoxb-1234567890-abcdef',
    ]
    for (const secret of secrets) {
      const redacted = String(redactSecrets(`use ${secret} here`))
      assert.match(redacted, /\[redacted\]/, secret)
      assert.match(redacted, /^use .* here$/s)
      assert.equal(redacted.includes(secret.slice(-8)), false, secret)
    }
  })

  it('keeps other values, and JSON stays JSON', () => {
    const text = 'The token bucket has a secret garden; pass the word: Bearer of news. sk-short'
    assert.equal(redactSecrets(text), text)
    fc.assert(
      fc.property(fc.string(), fc.string(), (secret, other) => {
        const text = JSON.stringify({ password: secret, other })
        const redacted = String(redactSecrets(`data: ${text}`)).slice('data: '.length)
        assert.equal(JSON.parse(redacted).password, '[redacted]')
      }),
    )
  })
})
