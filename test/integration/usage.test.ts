import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { SimulatorKind } from '../../simulator/model.ts'
import { chatBody, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface ModelRow {
  readonly name: string
  readonly total_requests: number
  readonly prompt_tokens: number
  readonly completion_tokens: number
}

async function behind(t: TestContext, kind: SimulatorKind, proxy: Record<string, unknown> = {}) {
  const simulator = await withSimulator(t, { kind, name: 'one', models: ['m'] })
  const gateway = await startGateway(t, [{ url: simulator.url, type: kind }], { proxy })
  return { simulator, gateway }
}

async function post(gateway: RunningGateway, path: string, body: string): Promise<string> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  assert.equal(response.status, 200, path)
  return response.text()
}

async function modelStats(gateway: RunningGateway): Promise<ModelRow | undefined> {
  const response = await fetch(`${gateway.url}/internal/stats/models`)
  const { models } = (await response.json()) as { models: ModelRow[] }
  return models.find(({ name }) => name === 'm')
}

const message = [{ role: 'user', content: 'one two three' }]

describe('usage of answers', () => {
  const requests: readonly [SimulatorKind, string, Record<string, unknown>][] = [
    ['vllm', '/v1/chat/completions', { messages: message, max_tokens: 5 }],
    [
      'vllm',
      '/v1/chat/completions',
      { messages: message, max_tokens: 5, stream: true, stream_options: { include_usage: true } },
    ],
    ['vllm', '/v1/completions', { prompt: 'one two three', max_tokens: 5 }],
    ['ollama', '/api/chat', { messages: message, options: { num_predict: 5 }, stream: false }],
    ['ollama', '/api/chat', { messages: message, options: { num_predict: 5 } }],
    ['ollama', '/api/generate', { prompt: 'one two three', options: { num_predict: 5 } }],
    ['ollama', '/v1/messages', { messages: message, max_tokens: 5 }],
    ['ollama', '/v1/messages', { messages: message, max_tokens: 5, stream: true }],
  ]
  for (const [kind, path, body] of requests) {
    const form =
      body.stream === true || (path.startsWith('/api') && body.stream !== false) ? 'a stream' : 'JSON'
    it(`is read of ${form} from ${kind} ${path}`, async (t) => {
      const { gateway } = await behind(t, kind)
      await post(gateway, path, JSON.stringify({ model: 'm', ...body }))
      await eventually(async () => (await modelStats(gateway))?.total_requests === 1)
      assert.partialDeepStrictEqual(await modelStats(gateway), { prompt_tokens: 3, completion_tokens: 5 })
    })
  }

  it('is not read where it is switched off', async (t) => {
    const { gateway } = await behind(t, 'vllm', { usage: 'off' })
    await post(gateway, '/v1/chat/completions', chatBody({ max_tokens: 5 }))
    await eventually(async () => (await modelStats(gateway))?.total_requests === 1)
    assert.partialDeepStrictEqual(await modelStats(gateway), { prompt_tokens: 0, completion_tokens: 0 })
  })
})
