import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { endpointIds, fnv1a32, shownUrl } from '../../../src/endpoints/registry/identity.ts'

describe('fnv1a32', () => {
  // Vectors of the FNV authors' reference implementation.
  const vectors: [string, number][] = [
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ]
  for (const [text, hash] of vectors) {
    it(`of ${JSON.stringify(text)}`, () => assert.equal(fnv1a32(text), hash))
  }
})

describe('endpointIds', () => {
  it('are the hash of the URL in base 36', () => {
    const ids = endpointIds([{ name: 'a', url: 'http://127.0.0.1:11434' }])
    assert.equal(ids.get('a'), fnv1a32('http://127.0.0.1:11434').toString(36))
  })

  it('number collisions in order of name, for any configuration order', () => {
    const url = 'http://127.0.0.1:1'
    const hash = fnv1a32(url).toString(36)
    fc.assert(
      fc.property(fc.shuffledSubarray(['a', 'b', 'c'], { minLength: 3 }), (names) => {
        const ids = endpointIds(names.map((name) => ({ name, url })))
        assert.deepEqual(
          ['a', 'b', 'c'].map((name) => ids.get(name)),
          [hash, `${hash}-1`, `${hash}-2`],
        )
      }),
    )
  })

  it('do not depend on the other endpoints', () => {
    const one = endpointIds([{ name: 'a', url: 'http://h:1' }])
    const two = endpointIds([
      { name: 'b', url: 'http://h:2' },
      { name: 'a', url: 'http://h:1' },
    ])
    assert.equal(two.get('a'), one.get('a'))
    assert.equal(new Set(two.values()).size, 2)
  })
})

describe('shownUrl', () => {
  it('contains no credentials, query, fragment or trailing slash', () => {
    assert.equal(shownUrl(new URL('http://me:secret@host:81/base//?key=secret#x')), 'http://host:81/base')
  })
})
