import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { completeModel } from '../../simulator/model.ts'
import { Rejection } from '../../simulator/rejections.ts'
import { answerLength, answerText, countTokens } from '../../simulator/tokens.ts'

suite('tokens', () => {
  test('an answer has the counted number of tokens', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z-]{1,12}$/), fc.integer({ min: 1, max: 300 }), (name, count) => {
        const text = answerText(name, count)
        assert.equal(countTokens(text), count)
        assert.ok(text.startsWith(`[${name}]`))
      }),
    )
  })

  test('a prompt is counted by its words, for any wrapping', () => {
    assert.equal(countTokens('  one two\nthree '), 3)
    assert.equal(countTokens(undefined, null, ''), 0)
    assert.equal(countTokens([1, 2, 3]), 3)
    assert.equal(
      countTokens([{ role: 'user', content: [{ type: 'text', text: 'one two' }] }, { content: 'x' }]),
      3,
    )
  })

  test('the first given limit applies', () => {
    assert.deepEqual(answerLength(undefined, null), { tokens: 16, isCut: false })
    assert.deepEqual(answerLength(undefined, 5), { tokens: 5, isCut: true })
    assert.deepEqual(answerLength(3, 5), { tokens: 3, isCut: true })
    assert.deepEqual(answerLength(-1), { tokens: 16, isCut: false })
    assert.equal(answerLength(10 ** 9).tokens, 100_000)
    for (const wrong of ['5', 1.5, Number.NaN, {}]) assert.throws(() => answerLength(wrong), Rejection)
  })
})

suite('completeModel', () => {
  test('missing values are derived from the name', () => {
    const coder = completeModel('qwen2.5-coder:7b')
    assert.equal(coder.family, 'qwen')
    assert.equal(coder.parameterSize, '7B')
    assert.equal(coder.type, 'llm')
    assert.equal(completeModel('nomic-embed-text:137m').parameterSize, '137M')
    assert.equal(completeModel('nomic-embed-text').type, 'embeddings')
    assert.equal(completeModel('org/Llama-3.1-8B').family, 'llama')
    assert.equal(completeModel({ name: 'x:3b', parameterSize: '3.2B' }).parameterSize, '3.2B')
  })
})
