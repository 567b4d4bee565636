import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { SimulatorKind } from '../../simulator/model.ts'
import { rerankFormat, scoreFormat } from '../../src/dialects/openai/rerank/rerank-formats.ts'
import { withSimulator } from '../support/simulator.ts'

const model = 'bge-reranker'
const documents = ['a green apple', 'the capital of France', 'France']
const request = { model, query: 'capital of France', documents }
const scores = [0.25, 0.75, 0.5]
const paths: readonly (readonly [SimulatorKind, string])[] = [
  ['vllm', '/rerank'],
  ['vllm', '/v1/rerank'],
  ['vllm', '/v2/rerank'],
  ['llamacpp', '/rerank'],
  ['llamacpp', '/v1/reranking'],
  ['sglang', '/v1/rerank'],
  ['litellm', '/rerank'],
  ['litellm', '/v1/rerank'],
  ['omlx', '/v1/rerank'],
]

async function post(url: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  return { status: response.status, body: await response.json() }
}

/** Indices of the documents in the answer, in its order. */
function orderIn(body: unknown): readonly number[] {
  const reading = rerankFormat.readAnswer(body, rerankFormat.readRequest(request))
  assert.ok('answer' in reading)
  return reading.answer.scores.map(({ index }) => index)
}

for (const [kind, path] of paths) {
  test(`a simulated ${kind} ranks at ${path}`, async (t) => {
    const simulator = await withSimulator(t, { kind, models: [model] })
    const url = simulator.url + path
    const ranked = await post(url, request)
    assert.equal(ranked.status, 200)
    assert.deepEqual(orderIn(ranked.body), [1, 2, 0])
    assert.deepEqual(orderIn((await post(url, { ...request, top_n: 2 })).body), [1, 2])
    assert.equal(orderIn((await post(url, { ...request, top_n: 9 })).body).length, 3)
    simulator.control.script({ scores })
    assert.deepEqual(orderIn((await post(url, request)).body), [1, 2, 0])
    assert.equal((await post(url, { ...request, documents: [] })).status, 400)
    assert.equal((await post(url, { ...request, model: 'other' })).status, kind === 'litellm' ? 400 : 404)
  })
}

suite('simulated rankings', () => {
  test('have the form of their kind', async (t) => {
    const answer = async (kind: SimulatorKind, path: string, body: unknown = request) => {
      const simulator = await withSimulator(t, { kind, models: [model] })
      simulator.control.script({ scores })
      return (await post(simulator.url + path, body)).body as Record<string, Record<string, unknown>[]>
    }
    const vllm = await answer('vllm', '/v1/rerank')
    assert.deepEqual(vllm.results?.[0], {
      index: 1,
      document: { text: documents[1], multi_modal: null },
      relevance_score: 0.75,
    })
    assert.deepEqual((await answer('llamacpp', '/rerank')).results?.[1], { index: 2, relevance_score: 0 })
    const texts = { model, query: 'q', texts: documents, return_text: true }
    assert.deepEqual((await answer('llamacpp', '/rerank', texts))[1], { index: 2, score: 0, text: 'France' })
    const [best] = Object.values(await answer('sglang', '/v1/rerank'))
    assert.deepEqual(best, {
      score: 0.75,
      document: documents[1],
      index: 1,
      meta_info: { prompt_tokens: 7 },
    })
    assert.deepEqual((await answer('litellm', '/v1/rerank')).results?.[0], {
      index: 1,
      relevance_score: 0.75,
    })
    assert.deepEqual((await answer('omlx', '/v1/rerank')).results?.[0], {
      index: 1,
      relevance_score: 0.75,
      document: { text: documents[1] },
    })
  })

  test('read top_n 0 as their engines do', async (t) => {
    const status = async (kind: SimulatorKind) => {
      const simulator = await withSimulator(t, { kind, models: [model] })
      const { status: code, body } = await post(`${simulator.url}/v1/rerank`, { ...request, top_n: 0 })
      return [code, Object(body).results?.length]
    }
    assert.deepEqual(await status('vllm'), [200, 3])
    assert.deepEqual(await status('llamacpp'), [200, 0])
    assert.deepEqual(await status('sglang'), [400, undefined])
  })

  test('score pairs of texts', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    const score = async (body: object) => post(`${simulator.url}/score`, { model, ...body })
    const { body } = await score({ text_1: 'France', text_2: documents })
    const reading = scoreFormat.readAnswer(
      body,
      scoreFormat.readRequest({ text_1: 'France', text_2: documents }),
    )
    assert.ok('answer' in reading)
    const [apple, capital, france] = reading.answer.scores
    assert.ok(apple !== undefined && capital !== undefined && france !== undefined)
    assert.ok(apple.score < capital.score && apple.score < france.score)
    assert.equal((await score({ text_1: ['a', 'b'], text_2: ['c', 'd'] })).status, 200)
    assert.equal((await score({ text_1: ['a', 'b'], text_2: ['c'] })).status, 400)
    assert.equal((await post(`${simulator.url}/v1/score`, { model, text_1: 'a' })).status, 400)
  })
})
