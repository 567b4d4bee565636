import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isAtLeast } from '../../../src/endpoints/profiles/server-version.ts'

describe('isAtLeast', () => {
  it('compares number by number', () => {
    assert.equal(isAtLeast('0.14.0', '0.14.0'), true)
    assert.equal(isAtLeast('0.14.1-rc2', '0.14.0'), true)
    assert.equal(isAtLeast('0.9.9', '0.14.0'), false)
    assert.equal(isAtLeast('v0.12', '0.11.1'), true)
    assert.equal(isAtLeast('0.11', '0.11.1'), false)
    assert.equal(isAtLeast('1', '0.11.1'), true)
    assert.equal(isAtLeast('0.11.1rc2.dev12+g1a2b3c', '0.11.1'), true)
    assert.equal(isAtLeast('b7200-7ca5991', 'b7200'), true)
    assert.equal(isAtLeast('b4847', 'b7200'), false)
  })

  it('accepts a server without a comparable version', () => {
    for (const reported of [undefined, '', 'main', '0.0.0']) assert.equal(isAtLeast(reported, '0.14.0'), true)
    assert.equal(isAtLeast('0.1', undefined), true)
  })
})
