import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readOllamaChatRequest } from '../../../src/dialects/ollama/chat/read-request.ts'
import { writeOllamaChatRequest } from '../../../src/dialects/ollama/chat/write-request.ts'
import { readOllamaGenerateRequest } from '../../../src/dialects/ollama/generate/read-request.ts'
import { writeOllamaGenerateRequest } from '../../../src/dialects/ollama/generate/write-request.ts'
import { target } from './support.ts'

describe('a request that is read and written again', () => {
  const text = fc.string({ minLength: 1 })
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64')
  const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
  const options = fc.record(
    {
      num_predict: fc.integer({ min: 1, max: 1e6 }),
      num_ctx: fc.integer({ min: 1, max: 1e6 }),
      temperature: fc.double({ min: 0, max: 2, noNaN: true }),
      top_k: fc.nat(100),
      top_p: fc.double({ min: 0, max: 1, noNaN: true }),
      min_p: fc.double({ min: 0, max: 1, noNaN: true }),
      seed: fc.nat(),
      stop: fc.array(text, { minLength: 1, maxLength: 3 }),
      repeat_penalty: fc.double({ min: 0.5, max: 2, noNaN: true }),
    },
    { requiredKeys: [] },
  )
  const settings = fc.record(
    {
      stream: fc.boolean(),
      format: fc.constantFrom('json', { type: 'object', properties: { a: { type: 'string' } } }),
      think: fc.constantFrom(true, false, 'low', 'high'),
      keep_alive: fc.constantFrom(-1, 0, '5m', 300),
      logprobs: fc.constant(true),
    },
    { requiredKeys: [] },
  )
  const name = fc.constantFrom('read', 'write', 'list')
  const args = fc.dictionary(fc.constantFrom('a', 'b'), fc.jsonValue({ maxDepth: 2 }))
  /** A user, an assistant with its calls, and their results. */
  const exchange = fc
    .record({
      question: text,
      hasImage: fc.boolean(),
      thinking: some(text),
      content: fc.string(),
      calls: fc.array(fc.record({ name, args, result: text }), { maxLength: 3 }),
    })
    .map(({ question, hasImage, thinking, content, calls }) => [
      { role: 'user', content: question, ...(hasImage ? { images: [png] } : {}) },
      {
        role: 'assistant',
        content,
        ...(thinking === undefined ? {} : { thinking }),
        ...(calls.length === 0
          ? {}
          : { tool_calls: calls.map((call) => ({ function: { name: call.name, arguments: call.args } })) }),
      },
      ...calls.map((call) => ({ role: 'tool', content: call.result, tool_name: call.name })),
    ])
  const chat = fc
    .tuple(some(text), fc.array(exchange, { maxLength: 4 }), settings, some(options), text)
    .map(([system, exchanges, given, opts, last]) => ({
      model: 'm',
      messages: [
        ...(system === undefined ? [] : [{ role: 'system', content: system }]),
        ...exchanges.flat(),
        { role: 'user', content: last },
      ],
      ...given,
      ...(opts === undefined ? {} : { options: opts }),
    }))

  /** Without the IDs that the gateway adds, and with the defaults that it makes explicit. */
  const comparable = (body: object): object => {
    const {
      stream = true,
      options: given,
      ...others
    } = JSON.parse(JSON.stringify(body)) as Record<string, unknown>
    const strip = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(strip)
      if (typeof value !== 'object' || value === null) return value
      const isCall = 'function' in value
      return Object.fromEntries(
        Object.entries(value)
          .filter(([key]) => key !== 'tool_call_id' && !(isCall && key === 'id'))
          .map(([key, each]) => [key, strip(each)]),
      )
    }
    const { messages, ...rest } = others
    const hasOptions = typeof given === 'object' && given !== null && Object.keys(given).length > 0
    return { ...rest, stream, messages: strip(messages), ...(hasOptions ? { options: given } : {}) }
  }

  it('to /api/chat says the same', () => {
    fc.assert(
      fc.property(chat, (request) => {
        const read = readOllamaChatRequest(request)
        const { body } = writeOllamaChatRequest(read, { ...target({ isThinker: true }), model: 'm' })
        assert.deepEqual(comparable(body), comparable(request))
      }),
    )
  })

  it('to /api/generate says the same', () => {
    const generate = fc
      .tuple(
        fc.record({ prompt: text, system: text, suffix: text }, { requiredKeys: ['prompt'] }),
        settings,
        some(options),
      )
      .map(([prompt, given, opts]) => ({
        model: 'm',
        ...prompt,
        ...given,
        ...(opts === undefined ? {} : { options: opts }),
      }))
    fc.assert(
      fc.property(generate, (request) => {
        const read = readOllamaGenerateRequest(request)
        const { body } = writeOllamaGenerateRequest(read, { ...target({ isThinker: true }), model: 'm' })
        assert.deepEqual(comparable(body), comparable(request))
      }),
    )
    const raw = { model: 'm', prompt: '[INST] hi', raw: true, stream: false }
    const { body } = writeOllamaGenerateRequest(readOllamaGenerateRequest(raw), { ...target(), model: 'm' })
    assert.deepEqual(body, raw)
  })
})
