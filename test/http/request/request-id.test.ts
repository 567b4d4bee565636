import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adoptRequestId, createRequestIds } from '../../../src/http/request/request-id.ts'

describe('request IDs', () => {
  it('consist of the random bytes in order', () => {
    const bytes = Buffer.from([0, 1, 0xde, 0xad, 0xbe, 0xef, 11, 12, 0, 1, 2, 0xff])
    let asked = 0
    const nextId = createRequestIds(() => {
      asked++
      return bytes
    })
    const ids = [nextId(), nextId(), nextId()]
    assert.deepEqual(ids, ['llama-humming-deadbeef', 'alpaca-trotting-000102ff', 'llama-humming-deadbeef'])
    assert.equal(asked, 2)
  })

  it('do not repeat', () => {
    const nextId = createRequestIds()
    const ids = Array.from({ length: 2_000 }, () => nextId())
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.match(id, /^[a-z]+-[a-z]+-[0-9a-f]{8}$/)
  })

  it('are the client’s own if those are valid', () => {
    assert.equal(adoptRequestId('a"b-1'), 'a"b-1')
    for (const unfit of [undefined, '', 'a b', 'a\nb', 'ä', 'x'.repeat(129), ['a']]) {
      assert.equal(adoptRequestId(unfit), undefined)
    }
  })
})
