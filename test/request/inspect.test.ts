import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { GatewayError } from '../../src/errors.ts'
import { inspectRequest } from '../../src/request/inspect.ts'
import { multipartField } from '../../src/request/multipart.ts'

const json = 'application/json; charset=utf-8'
const inspect = (value: unknown, path = '/v1/chat/completions') =>
  inspectRequest(Buffer.from(JSON.stringify(value)), json, path)

async function form(entries: readonly (readonly [string, string | Blob])[]) {
  const data = new FormData()
  for (const [name, value] of entries) {
    if (typeof value === 'string') data.append(name, value)
    else data.append(name, value, 'file.bin')
  }
  const request = new Request('http://x', { method: 'POST', body: data })
  return { type: request.headers.get('content-type') ?? '', body: Buffer.from(await request.arrayBuffer()) }
}

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

  it('reads the model of a form, wherever it stands', async () => {
    const file = new Blob([new Uint8Array(5000).fill(7)])
    for (const entries of [
      [
        ['model', 'whisper-1'],
        ['file', file],
      ] as const,
      [
        ['file', file],
        ['language', 'en'],
        ['model', 'whisper-1'],
      ] as const,
    ]) {
      const { type, body } = await form(entries)
      assert.equal(inspectRequest(body, type, '/v1/audio/transcriptions').model, 'whisper-1')
    }
    const none = await form([['file', file]])
    assert.equal(inspectRequest(none.body, none.type, '/').model, undefined)
  })
})

describe('multipartField', () => {
  it('reads what a browser writes, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .string({ minLength: 1, maxLength: 50 })
          .filter((text) => !/[\r\n]/.test(text) && Buffer.from(text).toString() === text),
        fc.uint8Array({ maxLength: 300 }),
        async (name, bytes) => {
          const { type, body } = await form([
            ['file', new Blob([bytes])],
            ['model', name],
          ])
          assert.equal(multipartField(body, type, 'model'), name)
        },
      ),
      { numRuns: 100 },
    )
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (bytes, type) => {
        multipartField(Buffer.from(bytes), `multipart/form-data; boundary=${type}`, 'model')
      }),
    )
  })
})
