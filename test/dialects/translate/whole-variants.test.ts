import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import type { SimulatorKind } from '../../../simulator/model.ts'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { withSimulator } from '../../support/simulator.ts'

const model = 'nomic-embed-text'
const documents = ['a green apple', 'the capital of France', 'France']
const ranking = { model, query: 'capital of France', documents }

interface Fleet {
  readonly gateway: RunningGateway
  readonly asked: (index?: number) => readonly string[]
}

async function fleet(
  t: TestContext,
  kinds: readonly SimulatorKind[],
  sections: Readonly<Record<string, Record<string, unknown>>> = {},
): Promise<Fleet> {
  const simulators = await Promise.all(kinds.map((kind) => withSimulator(t, { kind, models: [model] })))
  const gateway = await startGateway(
    t,
    simulators.map(({ url, kind }, index) => ({ url, name: kind, type: kind, priority: 100 - index })),
    { proxy: { load_balancer: 'priority' }, ...sections },
  )
  return {
    gateway,
    asked: (index = 0) =>
      simulators[index]?.control
        .requests()
        .filter(({ method, path }) => method === 'POST' && path !== '/api/show')
        .map(({ path }) => path) ?? [],
  }
}

async function post({ gateway }: Fleet, path: string, body: object): Promise<Answered> {
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return {
    status: response.status,
    mode: response.headers.get('x-olla-mode'),
    body: JSON.parse(await response.text()),
  }
}

interface Answered {
  readonly status: number
  readonly mode: string | null
  readonly body: ReturnType<typeof JSON.parse>
}

/** Indices of the documents, best first. */
const order = (results: readonly { index: number }[]) => results.map(({ index }) => index)

describe('embeddings through the gateway', () => {
  for (const kind of ['vllm', 'llamacpp', 'lm-studio', 'openai-compatible', 'docker-model-runner'] as const) {
    it(`reach an Ollama client from ${kind}`, async (t) => {
      const { gateway, asked } = await fleet(t, [kind])
      const ollama = new Ollama({ host: gateway.url })
      const { embeddings, prompt_eval_count: tokens } = await ollama.embed({
        model,
        input: ['one two', 'three'],
      })
      assert.equal(embeddings.length, 2)
      for (const vector of embeddings) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6)
      assert.equal(tokens, 3)
      const older = await ollama.embeddings({ model, prompt: 'three' })
      assert.deepEqual(older.embedding, embeddings[1])
      const [cut] = (await ollama.embed({ model, input: 'three', dimensions: 3 })).embeddings
      assert.equal(cut?.length, 3)
      assert.deepEqual((await ollama.embed({ model, input: '' })).embeddings, [])
      assert.ok(
        asked().every((path) => path.endsWith('/v1/embeddings')),
        asked().join(),
      )
    })
  }

  it('pass through if the endpoint has the path', async (t) => {
    const all = await fleet(t, ['ollama'])
    const own = await post(all, '/api/embed', { model, input: 'a' })
    assert.equal(own.mode, 'passthrough')
    const openai = new OpenAI({ baseURL: `${all.gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
    const { data } = await openai.embeddings.create({ model, input: 'a' })
    assert.deepEqual([...(data[0]?.embedding ?? [])], own.body.embeddings[0])
    assert.deepEqual(all.asked(), ['/api/embed', '/v1/embeddings'])
  })

  it('reach an OpenAI client from an endpoint that turns out to have only Ollama’s API', async (t) => {
    const simulator = await withSimulator(t, { kind: 'ollama', models: [model] })
    const gateway = await startGateway(t, [{ url: simulator.url, name: 'old', type: 'ollama' }])
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
    const create = () => openai.embeddings.create({ model, input: ['a', 'b'], encoding_format: 'float' })
    const direct = await create()
    const missing = {
      kind: 'status',
      status: 404,
      body: '404 page not found',
      path: '/v1/embeddings',
    } as const
    await simulator.control.setFault(missing)
    const translated = await create()
    assert.deepEqual(translated.data, direct.data)
    assert.deepEqual(translated.usage, direct.usage)
  })

  it('prefer the endpoint that needs no translation', async (t) => {
    const all = await fleet(t, ['vllm', 'ollama'])
    assert.equal((await post(all, '/api/embed', { model, input: 'a' })).mode, 'passthrough')
    assert.deepEqual([all.asked(0), all.asked(1)], [[], ['/api/embed']])
  })

  it('are refused with the field that cannot be translated', async (t) => {
    const all = await fleet(t, ['vllm'])
    const wrong = await post(all, '/api/embed', { model, input: [1] })
    assert.equal(wrong.status, 400)
    assert.match(wrong.body.error, /^input\.0: /)
    const unknown = await post(all, '/api/embed', { model: 'other', input: 'a' })
    assert.equal(unknown.status, 404)
    assert.equal(typeof unknown.body.error, 'string')
  })
})

describe('rankings through the gateway', () => {
  for (const [kind, path] of [
    ['vllm', '/v1/rerank'],
    ['llamacpp', '/v1/rerank'],
    ['sglang', '/v1/rerank'],
    ['litellm', '/v1/rerank'],
    ['omlx', '/v1/rerank'],
  ] as const) {
    it(`of ${kind} reach every client`, async (t) => {
      const all = await fleet(t, [kind])
      const cohere = await post(all, '/v2/rerank', { ...ranking, top_n: 2 })
      assert.equal(cohere.status, 200, JSON.stringify(cohere.body))
      assert.deepEqual(order(cohere.body.results), [1, 2])
      const short = await post(all, '/rerank', { ...ranking, return_documents: true })
      assert.equal(short.status, 200, JSON.stringify(short.body))
      assert.deepEqual(order(short.body.results), [1, 2, 0])
      const score = await post(all, '/score', { model, text_1: ranking.query, text_2: documents })
      assert.deepEqual(order(score.body.data), [0, 1, 2])
      assert.ok(score.body.data[1].score > score.body.data[0].score)
      const texts = await post(all, '/v2/rerank', { model, query: ranking.query, texts: documents })
      if (kind !== 'vllm') assert.deepEqual(order(texts.body), [1, 2, 0])
      if (kind !== 'vllm') assert.deepEqual([cohere.mode, score.mode], ['translated', 'translated'])
      assert.ok(all.asked().includes(path) || kind === 'vllm')
      const wrong = await post(all, '/score', { model, text_1: ['a', 'b'], text_2: ['c', 'd'] })
      assert.equal(wrong.status, kind === 'vllm' ? 200 : 400)
      if (kind !== 'vllm') assert.match(wrong.body.error.message, /several_queries/)
    })
  }

  it('are explained', async (t) => {
    const all = await fleet(t, ['llamacpp'])
    const { body } = await post(all, '/internal/explain', { path: '/score', body: { model } })
    assert.match(JSON.stringify(body), /score to rerank/)
  })

  it('name what they drop, if configured', async (t) => {
    const sections = { proxy: { load_balancer: 'priority', translation: { unsupported: 'drop' } } }
    const all = await fleet(t, ['llamacpp'], sections)
    const response = await fetch(`${all.gateway.url}/v2/rerank`, {
      method: 'POST',
      body: JSON.stringify({ ...ranking, rank_fields: ['title'] }),
    })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-olla-dropped'), 'rank_fields')
  })
})
