import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ollama } from 'ollama'
import { refusedFeatures } from '../../../../src/dialects/hub/contract/features.ts'
import { toBase64 } from '../../../../src/dialects/hub/parts/vectors.ts'
import {
  ollamaEmbeddingsFormat,
  ollamaEmbedFormat,
} from '../../../../src/dialects/ollama/embed/embed-formats.ts'
import { ollamaErrors } from '../../../../src/dialects/ollama/errors.ts'
import { embeddingsFormat } from '../../../../src/dialects/openai/embeddings/embeddings-format.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { exchanged } from '../../translate/exchange-support.ts'

const embed = { client: ollamaEmbedFormat, endpoint: embeddingsFormat }
const embedOne = { client: ollamaEmbeddingsFormat, endpoint: embeddingsFormat }
const list = (...vectors: (readonly number[])[]) => ({
  object: 'list',
  data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
  usage: { prompt_tokens: 7, total_tokens: 7 },
})

describe('an Ollama client of an OpenAI endpoint', () => {
  it('embeds a list of texts', () => {
    const request = {
      model: 'm',
      input: ['a', 'b'],
      keep_alive: '5m',
      options: { num_ctx: 512 },
      truncate: true,
    }
    const { variant, sent, answered } = exchanged(embed, request)
    assert.equal(variant.path, '/v1/embeddings')
    assert.deepEqual(sent, { model: 'endpoint-model', input: ['a', 'b'] })
    assert.deepEqual(answered(list([0.6, 0.8], [1, 0])), {
      statusCode: 200,
      body: {
        model: 'client-model',
        embeddings: [
          [0.6, 0.8],
          [1, 0],
        ],
        total_duration: 42_000_000,
        load_duration: 0,
        prompt_eval_count: 7,
      },
    })
  })

  it('embeds one prompt by the older operation', () => {
    const { sent, answered } = exchanged(embedOne, { model: 'm', prompt: 'a' })
    assert.deepEqual(sent, { model: 'endpoint-model', input: 'a' })
    // Unlike /api/embed, it returns vectors as they are.
    assert.deepEqual(answered(list([3, 4])).body, { embedding: [3, 4] })
  })

  // Ollama documents vectors of length 1.
  it('receives vectors of length 1', () => {
    const { body } = exchanged(embed, { input: 'a' }).answered(list([3, 4]))
    assert.deepEqual(body.embeddings, [[0.6, 0.8]])
  })

  // llama.cpp ignores `dimensions`; Ollama cuts to it.
  it('receives as many dimensions as it requests, scaled to length 1', () => {
    const { sent, answered } = exchanged(embed, { input: 'a', dimensions: 2 })
    assert.equal(sent.dimensions, 2)
    assert.deepEqual(answered(list([0.3, 0.4, 0.5])).body.embeddings, [[0.6, 0.8]])
    assert.deepEqual(answered(list([1])).body.embeddings, [[1]])
  })

  // vllm-project/vllm#16331: the refusal of a model that cannot be cut stays an error.
  it('leaves the error of an endpoint as it is', () => {
    const { variant } = exchanged(embed, { input: 'a', dimensions: 2 })
    assert.equal(variant.answer?.({ statusCode: 400, headers: [] }), undefined)
  })

  it('sends no dimensions if they limit nothing', () => {
    for (const dimensions of [0, -1, null]) {
      assert.equal('dimensions' in exchanged(embed, { input: 'a', dimensions }).sent, false)
    }
  })

  for (const input of ['', [], null, undefined]) {
    it(`loads the model and receives no embeddings for ${JSON.stringify(input)}`, () => {
      const { sent, answered } = exchanged(embed, { model: 'm', input, dimensions: 8 })
      assert.deepEqual(sent, { model: 'endpoint-model', input: 'load' })
      const { statusCode, body } = answered(list([1]))
      assert.equal(statusCode, 200)
      assert.deepEqual(body, {
        model: 'client-model',
        embeddings: [],
        total_duration: 42_000_000,
        load_duration: 0,
      })
    })
  }

  it('loads the model with an empty prompt', () => {
    assert.deepEqual(exchanged(embedOne, { prompt: '' }).answered(list([1])).body, { embedding: [] })
    assert.deepEqual(exchanged(embedOne, {}).answered(list([1])).body, { embedding: [] })
  })

  it('uses nothing that an OpenAI endpoint lacks', () => {
    const { uses } = ollamaEmbedFormat.readRequest({
      input: ['a', 'b'],
      truncate: false,
      keep_alive: -1,
      options: { num_ctx: 8192 },
      dimensions: 64,
    })
    assert.deepEqual(refusedFeatures(uses, embeddingsFormat.fates), [])
  })

  it('reads Base64 that it has not requested', () => {
    const data = [{ index: 0, embedding: toBase64([0, 1]) }]
    assert.deepEqual(exchanged(embed, { input: 'a' }).answered({ data }).body.embeddings, [[0, 1]])
  })

  it('receives an error inside a 200 as an error of its dialect', () => {
    const { answered } = exchanged(embed, { input: 'a' }, { errors: ollamaErrors })
    assert.deepEqual(answered({ error: { message: 'no memory', type: 'server_error' } }), {
      statusCode: 500,
      body: { error: 'no memory' },
    })
  })
})

describe('the official Ollama client', () => {
  const client = (endpointAnswer: unknown) =>
    new Ollama({
      fetch: async (url, init) => {
        const request: JsonObject = JSON.parse(String(init?.body))
        const isOld = String(url).endsWith('/api/embeddings')
        return Response.json(exchanged(isOld ? embedOne : embed, request).answered(endpointAnswer).body)
      },
    })

  it('reads both operations', async () => {
    const ollama = client(list([0.6, 0.8]))
    const answer = await ollama.embed({ model: 'm', input: 'a', truncate: true, dimensions: 2 })
    assert.deepEqual(answer.embeddings, [[0.6, 0.8]])
    assert.equal(answer.prompt_eval_count, 7)
    for (const duration of [answer.total_duration, answer.load_duration])
      assert.ok(Number.isInteger(duration))
    assert.deepEqual((await ollama.embeddings({ model: 'm', prompt: 'a' })).embedding, [0.6, 0.8])
  })
})

describe('requests for Ollama’s embeddings', () => {
  it('keep everything on their way through the hub', () => {
    const request = {
      input: ['a', 'b'],
      dimensions: 8,
      truncate: false,
      keep_alive: 300,
      options: { num_ctx: 64 },
    }
    const both = { client: ollamaEmbedFormat, endpoint: ollamaEmbedFormat }
    assert.deepEqual(exchanged(both, request).sent, { model: 'endpoint-model', ...request })
    const toOld = { client: ollamaEmbedFormat, endpoint: ollamaEmbeddingsFormat }
    assert.deepEqual(exchanged(toOld, { input: 'a', keep_alive: '5m', options: { num_ctx: 64 } }).sent, {
      model: 'endpoint-model',
      prompt: 'a',
      keep_alive: '5m',
      options: { num_ctx: 64 },
    })
  })

  for (const keepAlive of [-1, 0, 300, '5m']) {
    it(`accept keep_alive ${JSON.stringify(keepAlive)}`, () => {
      assert.equal(ollamaEmbedFormat.readRequest({ keep_alive: keepAlive }).keepAlive, keepAlive)
    })
  }

  for (const [format, given, message] of [
    [ollamaEmbedFormat, { input: 7 }, /^input: /],
    [ollamaEmbedFormat, { input: ['a', 1] }, /^input\.1: /],
    [ollamaEmbedFormat, { input: 'a', dimensions: 1.5 }, /^dimensions: /],
    [ollamaEmbedFormat, { input: 'a', truncate: 'no' }, /^truncate: /],
    [ollamaEmbedFormat, { input: 'a', options: [] }, /^options: /],
    [ollamaEmbedFormat, { input: 'a', keep_alive: {} }, /^keep_alive: /],
    [ollamaEmbeddingsFormat, { prompt: ['a'] }, /^prompt: /],
  ] as const) {
    it(`name the field that is wrong in ${JSON.stringify(given)}`, () => {
      assert.throws(() => format.readRequest(given), { code: 'invalid_request', message })
    })
  }
})
