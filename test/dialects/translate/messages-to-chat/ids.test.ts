import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createIds } from '../../../../src/dialects/hub/parts/ids.ts'

describe('createIds', () => {
  it('creates distinct IDs, across pools', () => {
    const newId = createIds()
    const ids = Array.from({ length: 1_000 }, () => newId('msg'))
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.match(id, /^msg_[\w-]{24}$/)
  })

  it('generates random bytes for many IDs at once', () => {
    let calls = 0
    const newId = createIds((bytes) => {
      calls++
      return Buffer.alloc(bytes, calls)
    })
    for (let count = 0; count < 256; count++) newId('toolu')
    assert.equal(calls, 1)
    assert.notEqual(newId('toolu'), `toolu_${Buffer.alloc(18, 1).toString('base64url')}`)
    assert.equal(calls, 2)
  })
})
