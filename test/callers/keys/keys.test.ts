import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { configHash, KeyHasher, readConfigHash } from '../../../src/callers/keys/key-hasher.ts'
import { createKey, createKeyId, hintOf, isKey } from '../../../src/callers/keys/key-text.ts'
import { presentedKey } from '../../../src/callers/keys/presented-key.ts'

describe('a new key', () => {
  it('has 256 random bits in base64url', () => {
    const keys = Array.from({ length: 1_000 }, createKey)
    assert.equal(new Set(keys).size, keys.length)
    for (const key of keys) {
      assert.ok(isKey(key), key)
      assert.equal(Buffer.from(key.slice(3), 'base64url').length, 32)
    }
  })

  it('has a hint and an ID that do not contain it', () => {
    const key = createKey()
    assert.equal(hintOf(key), key.slice(-4))
    assert.match(createKeyId(), /^key_[0-9a-f]{20}$/)
  })

  const others = [
    '',
    'sk-',
    `sk-${'a'.repeat(42)}`,
    `sk-${'a'.repeat(44)}`,
    `sk-${'a'.repeat(42)}!`,
    `pk-${'a'.repeat(43)}`,
  ]
  for (const text of others) it(`does not look like "${text}"`, () => assert.equal(isKey(text), false))
})

describe('the hash of a key', () => {
  it('is HMAC-SHA256 with the secret, whatever the length of either', () => {
    const texts = fc.string({ maxLength: 300, unit: 'binary' })
    fc.assert(
      fc.property(texts, fc.string({ minLength: 1, maxLength: 200 }), (key, secret) => {
        const expected = createHmac('sha256', secret).update(key).digest('base64url')
        assert.equal(new KeyHasher(secret).hash(key), expected)
      }),
    )
  })

  it('does not depend on the key that was hashed before', () => {
    const hasher = new KeyHasher('secret')
    const first = hasher.hash('a')
    hasher.hash('a much longer key than the first')
    assert.equal(hasher.hash('a'), first)
  })

  it('has a prefix in the configuration', () => {
    const hashed = new KeyHasher('secret').hash(createKey())
    assert.match(configHash(hashed), /^hmac-sha256:[A-Za-z0-9_-]{43}$/)
    assert.equal(readConfigHash(configHash(hashed)), hashed)
  })
})

describe('the key of a request', () => {
  const key = createKey()
  const other = createKey()
  const cases: [string, Record<string, string>, string | undefined][] = [
    ['none', {}, undefined],
    ['OpenAI and Ollama', { authorization: `Bearer ${key}` }, key],
    ['a scheme in lower case', { authorization: `bearer  ${key} ` }, key],
    ['Anthropic', { 'x-api-key': key }, key],
    ['Azure', { 'api-key': key }, key],
    ['another scheme', { authorization: `Basic ${key}` }, undefined],
    ['a scheme alone', { authorization: 'Bearer ' }, undefined],
    ['a key without a scheme', { authorization: key }, undefined],
    ['a placeholder and a key', { authorization: 'Bearer ollama', 'x-api-key': key }, key],
    ['a placeholder alone', { authorization: 'Bearer ollama' }, 'ollama'],
    ['two keys', { authorization: `Bearer ${key}`, 'x-api-key': other }, key],
    ['Google’s header', { 'x-goog-api-key': key }, undefined],
  ]
  for (const [name, headers, expected] of cases)
    it(`of ${name}`, () => assert.equal(presentedKey(headers), expected))
})
