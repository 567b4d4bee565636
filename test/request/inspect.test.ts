import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GatewayError } from '../../src/errors.ts'
import { inspectRequest } from '../../src/request/inspect.ts'

const json = 'application/json; charset=utf-8'
const inspect = (value: unknown, path = '/v1/chat/completions') =>
  inspectRequest(Buffer.from(JSON.stringify(value)), json, path)

describe('inspectRequest', () => {
  it('finds what a request needs of a model', () => {
    const needs = (value: unknown, path?: string) => inspect(value, path).needs?.()
    assert.equal(needs({ model: 'm', tools: [{ type: 'function' }] })?.tools, true)
    assert.equal(needs({ model: 'm', tools: [] })?.tools, false)
    assert.equal(needs({ messages: [{ content: [{ type: 'image_url', image_url: {} }] }] })?.vision, true)
    assert.equal(needs({ messages: [{ content: 'x', images: ['abc'] }] })?.vision, false)
    assert.equal(needs({ prompt: 'x', images: ['abcdef'] }, '/api/generate')?.vision, true)
    assert.equal(needs({ messages: [{ content: [{ type: 'input_audio' }] }] })?.audio, true)
    assert.equal(needs({ response_format: { type: 'json_schema' } })?.structured, true)
    assert.equal(needs({ input: 'x' }, '/v1/embeddings')?.embeddings, true)
    assert.equal(needs({ input: 'x' }, '/v1/responses')?.embeddings, false)
    assert.equal(needs({ messages: [{ content: 'x'.repeat(40_000) }] })?.promptTokens, 10_004)
  })

  it('refuses what was announced as JSON and is not', () => {
    for (const text of ['', '{"model":', 'nope', '{"a":1}}']) {
      const read = () => inspectRequest(Buffer.from(text), json, '/')
      if (text === '') continue
      assert.throws(read, (error) => error instanceof GatewayError && error.code === 'invalid_json')
      assert.equal(inspectRequest(Buffer.from(text), undefined, '/').model, undefined)
    }
    assert.equal(inspectRequest(Buffer.from(' [1]'), json, '/').model, undefined)
  })
})
