import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fnv1a64, matchesTag, weakTag } from '../../routes/admin/etag.ts'

describe('FNV-1a of 64 bits', () => {
  it('returns the published values', () => {
    assert.equal(fnv1a64(''), 0xcbf29ce484222325n)
    assert.equal(fnv1a64('a'), 0xaf63dc4c8601ec8cn)
    assert.equal(fnv1a64('foobar'), 0x85944171f73967e8n)
  })

  it('matches its definition for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        let expected = 0xcbf29ce484222325n
        for (const byte of Buffer.from(text)) {
          expected = BigInt.asUintN(64, (expected ^ BigInt(byte)) * 0x100000001b3n)
        }
        assert.equal(fnv1a64(text), expected)
      }),
    )
  })
})

describe('a tag', () => {
  it('ignores fields that only contain the time, at any depth', () => {
    const view = (at: string) => ({ timestamp: at, list: [{ name: 'a', health_check_at: at, uptime: at }] })
    assert.equal(weakTag(view('now')), weakTag(view('later')))
  })

  it('depends on everything else', () => {
    assert.notEqual(weakTag({ list: [{ name: 'a' }] }), weakTag({ list: [{ name: 'b' }] }))
    assert.notEqual(weakTag({ requests: 1 }), weakTag({ requests: 2 }))
  })
})

describe('If-None-Match', () => {
  const tag = 'W/"abc"'
  for (const [header, matches] of [
    [undefined, false],
    ['', false],
    ['W/"abc"', true],
    ['"abc"', true],
    ['W/"abcd"', false],
    ['"x", W/"abc" ,"y"', true],
    ['*', true],
    [' * ', true],
    ['abc', false],
    [`"${'x'.repeat(1100)}", W/"abc"`, false],
  ] as const) {
    it(`${matches ? 'matches' : 'does not match'} with ${header === undefined ? 'no header' : header.slice(0, 24)}`, () => {
      assert.equal(matchesTag(header, tag), matches)
    })
  }
})
