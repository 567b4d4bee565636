import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { SimulatorKind } from '../../simulator/model.ts'
import { chatBody, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, lastPost, withSimulator } from '../support/simulator.ts'

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

async function post(gateway: Pick<RunningGateway, 'url'>, path: string, body: string): Promise<string> {
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

  it('is requested for a stream and hidden from a client that did not request it', async (t) => {
    for (const kind of ['vllm', 'ollama', 'lm-studio'] as const) {
      const { gateway, simulator } = await behind(t, kind)
      for (const [path, body] of [
        ['/v1/chat/completions', { messages: message }],
        ['/v1/completions', { prompt: 'one two three' }],
        ['/v1/chat/completions', { messages: message, stream_options: { include_usage: false } }],
      ] as const) {
        const text = JSON.stringify({ model: 'm', max_tokens: 5, stream: true, ...body })
        const before = await modelStats(gateway)
        const direct = await post({ url: simulator.url }, path, text)
        const through = await post(gateway, path, text)
        // The simulator makes IDs from what it was sent.
        const withoutIds = (stream: string) => stream.replaceAll(/"id":"[^"]*"/g, '"id":""')
        assert.equal(withoutIds(through), withoutIds(direct), `${kind} ${path}`)
        const wanted = (before?.completion_tokens ?? 0) + 5
        await eventually(async () => (await modelStats(gateway))?.completion_tokens === wanted)
        assert.equal((await modelStats(gateway))?.prompt_tokens, (before?.prompt_tokens ?? 0) + 3)
      }
      await gateway.close()
    }
  })

  it('reaches a client that requests it', async (t) => {
    const { gateway } = await behind(t, 'vllm')
    const body = { max_tokens: 5, stream: true, stream_options: { include_usage: true } }
    assert.match(await post(gateway, '/v1/chat/completions', chatBody(body)), /"usage":\{"prompt_tokens"/)
  })

  it('is requested for an alias, and answers keep the name', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const gateway = await startGateway(t, [{ url: simulator.url, type: 'vllm' }], {
      model_aliases: { short: ['m'] },
    })
    const text = await post(
      gateway,
      '/v1/chat/completions',
      chatBody({ model: 'short', stream: true, max_tokens: 2 }),
    )
    assert.doesNotMatch(text, /"usage"|"model":"m"/)
    assert.match(text, /"model":"short"/)
    const last = lastPost(simulator)
    assert.deepEqual(last?.json(), {
      model: 'm',
      messages: [{ role: 'user', content: 'hello' }],
      stream: true,
      max_tokens: 2,
      stream_options: { include_usage: true },
    })
  })

  it('is not requested from endpoints that might refuse it, or if it is off', async (t) => {
    const lastBody = async (kind: SimulatorKind, proxy: Record<string, unknown>) => {
      const { gateway, simulator } = await behind(t, kind, proxy)
      await post(gateway, '/v1/chat/completions', chatBody({ stream: true, max_tokens: 2 }))
      return lastPost(simulator)?.json()
    }
    for (const [kind, proxy] of [
      ['openai-compatible', {}],
      ['llamacpp', {}],
      ['vllm', { usage: 'passive' }],
      ['vllm', { usage: 'off' }],
    ] as const) {
      assert.equal((await lastBody(kind, proxy))?.stream_options, undefined, kind)
    }
  })

  it('is not read if it is off', async (t) => {
    const { gateway } = await behind(t, 'vllm', { usage: 'off' })
    await post(gateway, '/v1/chat/completions', chatBody({ max_tokens: 5 }))
    await eventually(async () => (await modelStats(gateway))?.total_requests === 1)
    assert.partialDeepStrictEqual(await modelStats(gateway), { prompt_tokens: 0, completion_tokens: 0 })
  })
})
