import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  areAlike,
  isKnownAble,
  type KnownAbilities,
  type RequestNeeds,
} from '../../../src/routing/models/needs.ts'

const abilities: fc.Arbitrary<KnownAbilities> = fc.record({
  type: fc.constantFrom(undefined, 'llm', 'vlm', 'embeddings'),
  capabilities: fc.option(fc.subarray(['vision', 'tools', 'embeddings', 'audio', 'json_schema']), {
    nil: undefined,
  }),
  contextLength: fc.constantFrom(undefined, 4_096, 32_768),
})
const needs: fc.Arbitrary<RequestNeeds> = fc.record({
  vision: fc.boolean(),
  tools: fc.boolean(),
  embeddings: fc.boolean(),
  audio: fc.boolean(),
  structured: fc.boolean(),
  promptTokens: fc.nat(50_000),
})

describe('known capabilities', () => {
  it('that are equal give equal results for every requirement', () => {
    const names = ['vision', 'tools', 'embeddings', 'audio', 'structured', 'promptTokens'] as const
    fc.assert(
      fc.property(abilities, abilities, needs, (one, other, needed) => {
        if (!areAlike(one, other)) return
        for (const need of names) {
          assert.equal(isKnownAble(need, needed, one), isKnownAble(need, needed, other))
        }
      }),
    )
  })

  it('are compared by value, not by identity', () => {
    const one = { type: 'llm', capabilities: ['tools'], contextLength: 8_192 }
    assert.ok(areAlike(one, { ...one, capabilities: ['tools'] }))
    assert.ok(!areAlike(one, { ...one, capabilities: ['tools', 'vision'] }))
    assert.ok(!areAlike(one, { ...one, capabilities: undefined }))
    assert.ok(!areAlike({ ...one, capabilities: undefined }, { ...one, capabilities: [] }))
    assert.ok(!areAlike(one, { ...one, contextLength: 4_096 }))
    assert.ok(!areAlike(one, { ...one, type: 'vlm' }))
    assert.ok(!areAlike(one, undefined))
    assert.ok(areAlike(undefined, undefined))
  })
})
