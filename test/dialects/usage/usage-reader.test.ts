import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { UsageReader } from '../../../src/dialects/usage/usage-reader.ts'
import { planUsage } from '../../../src/endpoints/profiles/usage-fields.ts'

const openAi = planUsage([
  {
    prompt_tokens: 'usage.prompt_tokens',
    cached_tokens: 'usage.details.cached',
    generation_s: ['stats.time', 'timings.ms'],
    completion_tokens: ['usage.completion_tokens', 'timings.a + timings.b'],
  },
])

function read(...texts: readonly string[]): UsageReader {
  const reader = new UsageReader(openAi)
  for (const text of texts) reader.read(Buffer.from(text))
  return reader
}

describe('UsageReader', () => {
  it('finds a number wherever its object is', () => {
    assert.equal(read('{"usage":{"prompt_tokens":4}}').get('promptTokens'), 4)
    assert.equal(read('{"message":{"usage" : { "prompt_tokens" : 4 }}}').get('promptTokens'), 4)
    assert.equal(read('{"usage":{"details":{"cached":0}}}').get('cachedTokens'), 0)
  })

  it('takes the last of several values and skips null', () => {
    assert.equal(
      read('{"usage":{"prompt_tokens":1},"x":{"usage":{"prompt_tokens":2}}}').get('promptTokens'),
      2,
    )
    assert.equal(read('{"usage":{"prompt_tokens":1},"x":{"usage":null}}').get('promptTokens'), 1)
  })

  it('takes the last whole value before any number of nulls and strings', () => {
    const nulls = '"usage":null,"usage":"none","usage":[1],'.repeat(20)
    assert.equal(read(`{"usage":{"prompt_tokens":3},${nulls}"x":1}`).get('promptTokens'), 3)
    assert.equal(read('{"usage":{"prompt_tokens":3},"usage":{"prompt_tok').get('promptTokens'), 3)
    assert.equal(read('{"usage":{"prompt_tokens":3},"usage":').get('promptTokens'), 3)
  })

  it('keeps values that a later event does not contain', () => {
    const reader = read(
      '{"usage":{"prompt_tokens":9,"completion_tokens":1}}',
      '{"usage":{"completion_tokens":5}}',
    )
    assert.deepEqual([reader.get('promptTokens'), reader.get('completionTokens')], [9, 5])
  })

  it('converts times to milliseconds', () => {
    assert.equal(read('{"stats":{"time":1.5}}').get('generationMs'), 1_500)
  })

  it('takes the first available alternative, and sums its parts', () => {
    assert.equal(read('{"timings":{"a":3,"b":4}}').get('completionTokens'), 7)
    assert.equal(read('{"timings":{"b":4}}').get('completionTokens'), 4)
    assert.equal(read('{"timings":{"a":3,"b":4},"usage":{"completion_tokens":1}}').get('completionTokens'), 1)
  })

  it('ignores strings that quote the keys', () => {
    const quoted = JSON.stringify({ content: '{"usage":{"prompt_tokens":4}}' })
    assert.equal(read(quoted).get('promptTokens'), undefined)
    assert.equal(read(JSON.stringify({ content: quoted })).get('promptTokens'), undefined)
  })

  it('ignores numbers that cannot be token counts', () => {
    for (const value of ['-1', '"4"', 'null', 'true', '[4]', '1e999']) {
      assert.equal(read(`{"usage":{"prompt_tokens":${value}}}`).get('promptTokens'), undefined, value)
    }
  })

  it('ignores names that every object inherits', () => {
    const reader = new UsageReader(planUsage([{ prompt_tokens: 'usage.constructor.length' }]))
    reader.read(Buffer.from('{"usage":{}}'))
    assert.equal(reader.get('promptTokens'), undefined)
  })

  it('survives any bytes', () => {
    const pieces = fc.constantFrom(
      '"usage"',
      ':',
      '{',
      '}',
      '"prompt_tokens"',
      '4',
      '\\',
      '"',
      ' ',
      'null',
      ',',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const value = read(parts.join('')).get('promptTokens')
        assert.ok(value === undefined || Number.isInteger(value))
      }),
    )
  })

  it('agrees with JSON.parse', () => {
    const usage = fc.record({ prompt_tokens: fc.nat(), completion_tokens: fc.nat(), other: fc.jsonValue() })
    fc.assert(
      fc.property(usage, fc.string(), fc.boolean(), (value, content, isSpaced) => {
        const reader = read(JSON.stringify({ content, usage: value }, undefined, isSpaced ? 2 : 0))
        assert.equal(reader.get('promptTokens'), value.prompt_tokens)
        assert.equal(reader.get('completionTokens'), value.completion_tokens)
      }),
    )
  })
})
