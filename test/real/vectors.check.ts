import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { engineOf, engines } from '../integration/engines.ts'
import { startGateway } from '../support/gateway.ts'
import { RecordingFetch } from './asks/ask.ts'
import { type ServerSettings, skipReason, startLlamaServer } from './llama-server.ts'

const texts = ['one', 'two words', 'Grüße\n']

async function behind(t: TestContext, engine: string, settings: ServerSettings) {
  const server = await startLlamaServer(t, settings)
  const gateway = await startGateway(t, [{ url: server.url, type: 'llamacpp' }], { proxy: engineOf(engine) })
  return { server: server.url, gateway: gateway.url }
}

/** Vectors are rounded on their way through single precision and decimal numbers. */
function assertNear(actual: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  assert.deepEqual(
    actual.map(({ length }) => length),
    expected.map(({ length }) => length),
  )
  for (const [at, vector] of actual.entries()) {
    for (const [index, value] of vector.entries()) {
      assert.ok(Math.abs(value - (expected[at]?.[index] ?? Number.NaN)) < 1e-5, `${at}, ${index}: ${value}`)
    }
  }
}

async function post(url: string, body: object): Promise<{ mode: string; body: unknown }> {
  const seen = new RecordingFetch()
  const response = await seen.fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', ...body }),
  })
  const text = await response.text()
  assert.equal(response.status, 200, text)
  return { mode: seen.mode, body: JSON.parse(text) }
}

for (const engine of engines) {
  describe(`vectors and ranks of a real llama.cpp server, engine ${engine}`, { skip: skipReason() }, () => {
    it('are the same embeddings for OpenAI’s and Ollama’s clients', async (t) => {
      const { server, gateway } = await behind(t, engine, { embeddings: true })
      const own = new OpenAI({ baseURL: `${server}/v1`, apiKey: 'any' })
      const expected = await own.embeddings.create({ model: 'tiny', input: texts, encoding_format: 'float' })
      const vectors = expected.data.map(({ embedding }) => embedding)
      const openai = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: 'any' })
      // The client asks for Base64 by itself.
      for (const encoding of [{ encoding_format: 'float' as const }, {}]) {
        const { data, usage } = await openai.embeddings.create({ model: 'tiny', input: texts, ...encoding })
        assertNear(
          data.map(({ embedding }) => embedding),
          vectors,
        )
        assert.deepEqual(usage, expected.usage)
      }
      const seen = new RecordingFetch()
      const ollama = new Ollama({ host: gateway, fetch: seen.fetch })
      const embedded = await ollama.embed({ model: 'tiny', input: texts })
      assert.equal(seen.mode, 'translated')
      assertNear(embedded.embeddings, vectors)
      assert.equal(embedded.prompt_eval_count, expected.usage.prompt_tokens)
      // llama.cpp computes another vector for a text alone than for the same text among others.
      const prompt = texts[1] ?? ''
      const alone = await own.embeddings.create({ model: 'tiny', input: prompt, encoding_format: 'float' })
      const older = await ollama.embeddings({ model: 'tiny', prompt })
      assert.equal(seen.mode, 'translated')
      assertNear(
        [older.embedding],
        alone.data.map(({ embedding }) => embedding),
      )
    })

    it('are the same ranks in every form of the request', async (t) => {
      const { server, gateway } = await behind(t, engine, { reranking: true })
      const documents = ['a very', 'small model\n', 'th']
      const asked = { query: 'Hello from', documents }
      const { results } = (await post(`${server}/v1/rerank`, asked)).body as {
        results: { index: number; relevance_score: number }[]
      }
      const expected = results.map(({ index, relevance_score: score }) => ({ index, score }))
      assert.equal(expected[0]?.index, 1)

      for (const [path, isTranslated] of [
        ['/v1/rerank', false],
        ['/rerank', false],
        ['/v1/reranking', false],
        ['/v2/rerank', true],
      ] as const) {
        const answer = await post(`${gateway}${path}`, asked)
        assert.equal(answer.mode === 'translated', isTranslated, path)
        const { results: ranked } = answer.body as { results: { index: number; relevance_score: number }[] }
        assert.deepEqual(
          ranked.map(({ index, relevance_score: score }) => ({ index, score })),
          expected,
          path,
        )
      }
      const scored = (await post(`${gateway}/score`, { text_1: asked.query, text_2: documents })).body as {
        data: { index: number; score: number }[]
      }
      const byIndex = (list: readonly { index: number; score: number }[]) =>
        [...list].sort((a, b) => a.index - b.index).map(({ score }) => score)
      assert.deepEqual(byIndex(scored.data), byIndex(expected))
      const bare = (await post(`${gateway}/rerank`, { query: asked.query, texts: documents })).body
      assert.deepEqual(bare, expected)
      const best = (await post(`${gateway}/v2/rerank`, { ...asked, top_n: 1 })).body as { results: unknown[] }
      assert.equal(best.results.length, 1)
    })
  })
}
