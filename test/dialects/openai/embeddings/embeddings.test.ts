import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import OpenAI from 'openai'
import { refusedFeatures } from '../../../../src/dialects/hub/contract/features.ts'
import { toBase64 } from '../../../../src/dialects/hub/parts/vectors.ts'
import {
  ollamaEmbeddingsFormat,
  ollamaEmbedFormat,
} from '../../../../src/dialects/ollama/embed/embed-formats.ts'
import { embeddingsFormat } from '../../../../src/dialects/openai/embeddings/embeddings-format.ts'
import { isObject, type JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { callOf, exchanged } from '../../translate/exchange-support.ts'

const toOllama = { client: embeddingsFormat, endpoint: ollamaEmbedFormat }
const toOldOllama = { client: embeddingsFormat, endpoint: ollamaEmbeddingsFormat }
const toOpenAi = { client: embeddingsFormat, endpoint: embeddingsFormat }

describe('an OpenAI client of an Ollama endpoint', () => {
  it('receives embeddings in the order of its inputs, with usage', () => {
    const { variant, sent, answered } = exchanged(toOllama, { model: 'm', input: ['one', 'two'] })
    assert.equal(variant.path, '/api/embed')
    assert.deepEqual(sent, { model: 'endpoint-model', input: ['one', 'two'] })
    const answer = {
      model: 'x',
      embeddings: [
        [0.6, 0.8],
        [1, 0],
      ],
      prompt_eval_count: 3,
    }
    assert.deepEqual(answered(answer), {
      statusCode: 200,
      body: {
        object: 'list',
        data: [
          { object: 'embedding', index: 0, embedding: [0.6, 0.8] },
          { object: 'embedding', index: 1, embedding: [1, 0] },
        ],
        model: 'client-model',
        usage: { prompt_tokens: 3, total_tokens: 3 },
      },
    })
  })

  it('sends one text alone', () => {
    assert.deepEqual(exchanged(toOllama, { input: 'one' }).sent, { model: 'endpoint-model', input: 'one' })
    assert.deepEqual(exchanged(toOldOllama, { input: ['one'] }).sent, {
      model: 'endpoint-model',
      prompt: 'one',
    })
  })

  it('reads the single vector of /api/embeddings and estimates its usage', () => {
    const { body } = exchanged(toOldOllama, { input: 'twelve chars' }).answered({ embedding: [2, 0] })
    assert.deepEqual(body.data, [{ object: 'embedding', index: 0, embedding: [2, 0] }])
    assert.deepEqual(body.usage, { prompt_tokens: 3, total_tokens: 3 })
  })

  it('receives Base64 if it requests Base64', () => {
    const { body } = exchanged(toOllama, { input: 'one', encoding_format: 'base64' }).answered({
      embeddings: [[0.5, -1]],
    })
    assert.equal(body.data[0].embedding, toBase64([0.5, -1]))
  })

  // Versions without `dimensions` ignore it; later ones cut and scale.
  it('receives as many dimensions as it requests', () => {
    const { sent, answered } = exchanged(toOllama, { input: 'one', dimensions: 2 })
    assert.equal(sent.dimensions, 2)
    assert.deepEqual(answered({ embeddings: [[0.3, 0.4, 0.5]] }).body.data[0].embedding, [0.6, 0.8])
  })

  it('receives an error if the model has fewer dimensions', () => {
    const { statusCode, body } = exchanged(toOllama, { input: 'one', dimensions: 3 }).answered({
      embeddings: [[0.6, 0.8]],
    })
    assert.equal(statusCode, 400)
    assert.deepEqual(body.error, {
      message: "dimensions: the model's embeddings have 2 dimensions",
      type: 'invalid_request_error',
      param: 'dimensions',
      code: null,
    })
  })

  it('keeps what Ollama cannot do from being sent', () => {
    const refused = (request: JsonObject, fates = ollamaEmbedFormat.fates) =>
      refusedFeatures(embeddingsFormat.readRequest(request).uses, fates)
    assert.deepEqual(refused({ input: [1, 2] }), ['token_prompt'])
    assert.deepEqual(refused({ input: [[1], [2]] }), ['token_prompt'])
    assert.deepEqual(refused({ input: 'a', input_type: 'query' }), ['input_type'])
    assert.deepEqual(refused({ input: 'a', embd_normalize: -1 }), ['engine_options'])
    assert.deepEqual(refused({ input: ['a', 'b'] }, ollamaEmbeddingsFormat.fates), ['several_prompts'])
    const plain = { input: 'a', user: 'u', encoding_format: 'base64', dimensions: 3, input_type: null }
    assert.deepEqual(refused(plain), [])
    assert.deepEqual(refused(plain, ollamaEmbeddingsFormat.fates), [])
  })
})

describe('the official OpenAI client', () => {
  // openai/openai-python#1490, garrytan/gbrain#220, BerriAI/litellm#42421: SDKs request Base64 unless told otherwise,
  // and decode a list of numbers as if it were Base64, into a quarter of the numbers.
  for (const endpointSends of ['numbers', 'base64'] as const) {
    it(`reads the same values by default as curl, if the endpoint sends ${endpointSends}`, async () => {
      const vector = Array.from({ length: 1024 }, (_, index) => Math.fround(Math.sin(index) / 32))
      const item = { index: 0, embedding: endpointSends === 'numbers' ? vector : toBase64(vector) }
      const create = (body: JsonObject) =>
        exchanged(toOpenAi, body).answered({ object: 'list', data: [item], model: 'x' }).body
      const client = new OpenAI({
        apiKey: 'k',
        fetch: async (_url, init) => Response.json(create(JSON.parse(String(init?.body)))),
      })
      const byDefault = await client.embeddings.create({ model: 'm', input: 'text' })
      const curl = create({ model: 'm', input: 'text' })
      assert.deepEqual([...(byDefault.data[0]?.embedding ?? [])], vector)
      assert.deepEqual(curl.data[0].embedding, vector)
    })
  }
})

describe('a request for /v1/embeddings', () => {
  const input = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.array(fc.string(), { minLength: 1 }),
    fc.array(fc.nat(), { minLength: 1 }),
    fc.array(fc.array(fc.nat(), { minLength: 1 }), { minLength: 1 }),
  )

  it('keeps everything on its way through the hub', () => {
    fc.assert(
      fc.property(
        input,
        fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
        (given, dimensions) => {
          const request = { input: given, ...(dimensions === undefined ? {} : { dimensions }), user: 'u' }
          const { sent } = exchanged(toOpenAi, request)
          const list = (value: unknown) =>
            Array.isArray(value) && typeof value[0] !== 'number' ? value : [value]
          assert.deepEqual(list(sent.input), list(given))
          assert.equal(sent.dimensions, dimensions)
          assert.equal(sent.user, 'u')
        },
      ),
    )
  })

  for (const [given, message] of [
    [{}, /^input: /],
    [{ input: null }, /^input: /],
    [{ input: '' }, /^input: /],
    [{ input: [] }, /^input: /],
    [{ input: 7 }, /^input: /],
    [{ input: { text: 'a' } }, /^input: /],
    [{ input: ['a', 1] }, /^input\.1: /],
    [{ input: [[1], 'a', null] }, /^input\.2: /],
    [{ input: [[]] }, /^input\.0: /],
    [{ input: [1.5] }, /^input\.0: /],
    [{ input: 'a', dimensions: 0 }, /^dimensions: /],
    [{ input: 'a', dimensions: '8' }, /^dimensions: /],
    [{ input: 'a', encoding_format: 'int8' }, /^encoding_format: /],
  ] as const) {
    it(`names the field that is wrong in ${JSON.stringify(given)}`, () => {
      assert.throws(() => embeddingsFormat.readRequest(given), { code: 'invalid_request', message })
    })
  }

  it('reads null as absent', () => {
    const { inputs, dimensions, encoding } = embeddingsFormat.readRequest({
      input: 'a',
      dimensions: null,
      encoding_format: null,
    })
    assert.deepEqual([inputs, dimensions, encoding], [['a'], undefined, 'float'])
  })
})

describe('an answer of /v1/embeddings', () => {
  const { answered } = exchanged(toOpenAi, { input: ['a', 'b', 'c'] })
  const data = (...items: unknown[]) => answered({ object: 'list', data: items, usage: { prompt_tokens: 5 } })

  it('is ordered by index', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), (order) => {
        const { body } = data(...order.map((index) => ({ index, embedding: [index] })))
        assert.deepEqual(
          body.data.map((each: { embedding: number[] }) => each.embedding),
          [[0], [1], [2]],
        )
      }),
    )
  })

  it('may lack indices', () => {
    const { body } = data({ embedding: [1] }, { embedding: [2] }, { embedding: [3] })
    assert.deepEqual(
      body.data.map((each: JsonObject) => each.index),
      [0, 1, 2],
    )
  })

  for (const [name, items, message] of [
    ['too few vectors', [{ index: 0, embedding: [1] }], /1 embeddings for 3 inputs/],
    ['no vectors', [], /0 embeddings for 3 inputs/],
    ['a doubled index', [0, 1, 1].map((index) => ({ index, embedding: [1] })), /not a list of numbers/],
    ['an index beyond', [0, 1, 3].map((index) => ({ index, embedding: [1] })), /not a list of numbers/],
    ['an index below', [-1, 0, 1].map((index) => ({ index, embedding: [1] })), /not a list of numbers/],
    ['null in a vector', [{ embedding: [1] }, { embedding: [null] }, { embedding: [1] }], /not a list/],
    ['a vector per token', [0, 1, 2].map((index) => ({ index, embedding: [[1], [2]] })), /not a list/],
  ] as const) {
    it(`fails with ${name}`, () => {
      const { statusCode, body } = data(...items)
      assert.equal(statusCode, 502)
      assert.match(body.error.message, message)
      assert.equal(body.error.type, 'server_error')
    })
  }

  it('reads the bare list of llama.cpp', () => {
    const { body } = answered([0, 1, 2].map((index) => ({ index, embedding: [[index]] })))
    assert.deepEqual(body.data[2].embedding, [2])
  })

  it('keeps the name of the model that the endpoint reports, if configured', () => {
    const call = { ...callOf(embeddingsFormat.readRequest({ input: 'a' })), keepsModel: true }
    const written = embeddingsFormat.writeAnswer(
      { model: 'served', vectors: [[1]], usage: { promptTokens: 1 } },
      call,
    )
    assert.ok(typeof written === 'string')
    const body: unknown = JSON.parse(written)
    assert.equal(isObject(body) && body.model, 'served')
  })
})
