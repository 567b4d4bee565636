import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ollama } from 'ollama'
import { parse } from 'yaml'
import { fleet, get, idsOf } from '../support/fleet.ts'
import { postChat, startGateway, testThreads } from '../support/gateway.ts'
import { eventually, lastPost, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

for (const engine of engines) {
  describe(`aliases and fallbacks (${engine})`, () => {
    it('an alias of any case is served, listed, and put back into every answer', async (t) => {
      const { gateway, ollama } = await fleet(t, {
        proxy: engineOf(engine),
        model_aliases: {
          'My-GPT': ['nomic-embed-text', 'llama3.2:3b'],
          Quick: { targets: ['nobody', 'Org/Mistral-7B-Instruct'] },
        } as never,
      })
      assert.ok(idsOf((await get(`${gateway.url}/v1/models`)).body).includes('My-GPT'))
      const whole = await postChat(gateway.url, { model: 'QUICK', max_tokens: 3 })
      assert.equal(whole.headers.get('x-olla-endpoint'), 'gpu')
      assert.equal(whole.headers.get('x-olla-model'), 'QUICK')
      assert.equal(whole.headers.get('x-olla-routing-strategy'), 'alias')
      assert.equal(whole.headers.get('x-olla-routing-reason'), 'alias "Quick" resolved to 1 endpoint(s)')
      assert.equal(((await whole.json()) as { model: string }).model, 'QUICK')
      const stream = await postChat(gateway.url, { model: 'Quick', max_tokens: 3, stream: true })
      const events = (await stream.text()).split('\n\n').filter((event) => event.startsWith('data: {'))
      assert.ok(events.length > 3)
      for (const event of events) assert.equal(JSON.parse(event.slice(6)).model, 'Quick')
      const client = new Ollama({ host: `${gateway.url}/olla/ollama` })
      for await (const part of await client.chat({
        model: 'my-gpt',
        messages: [{ role: 'user', content: 'x' }],
        stream: true,
      })) {
        assert.equal(part.model, 'my-gpt')
      }
      const sent = lastPost(ollama)
      assert.match(sent?.body.toString() ?? '', /"model":"(?:llama3\.2:3b|nomic-embed-text)"/)
    })

    it('a fallback model serves if no endpoint can serve the requested one', async (t) => {
      const { gateway } = await fleet(t, {
        proxy: engineOf(engine),
        model_fallbacks: { 'gpt-4': ['nobody', 'llama3.2:3b'] } as never,
      })
      const response = await postChat(gateway.url, { model: 'gpt-4', max_tokens: 2 })
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('x-olla-routing-decision'), 'fallback')
      assert.equal(response.headers.get('x-olla-routing-reason'), 'model_fallback "gpt-4" to "llama3.2:3b"')
      assert.equal(((await response.json()) as { model: string }).model, 'gpt-4')
    })
  })
}

describe('routing', () => {
  it("refreshes each endpoint's list once for an unknown model", async (t) => {
    const { gateway, vllm } = await fleet(t, {
      model_registry: {
        routing_strategy: {
          type: 'discovery',
          options: { discovery_refresh_on_miss: true, fallback_behavior: 'none' },
        },
      },
    })
    const lists = () => vllm.control.counters().byPath['/v1/models'] ?? 0
    const before = lists()
    const miss = await postChat(gateway.url, { model: 'new-model' })
    assert.equal(miss.status, 404)
    assert.equal(miss.headers.get('x-olla-routing-reason'), 'model_unavailable_after_discovery')
    assert.equal(lists(), before + 1)
    vllm.control.setModels(['new-model'])
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => postChat(gateway.url, { model: 'new-model', max_tokens: 1 })),
    )
    assert.ok(answers.every(({ status }) => status === 200))
    assert.ok(
      answers.some((answer) => answer.headers.get('x-olla-routing-reason') === 'model_found_after_discovery'),
    )
    // Each thread may look twice: once more if it has not heard of the other thread's result yet.
    assert.ok(lists() <= before + 1 + 2 * testThreads, `${lists() - before} looks`)
  })

  it('filters apply to requests, also to those that may fall back to any endpoint', async (t) => {
    const { gateway } = await fleet(t, {
      model_filter: { exclude: ['*mistral*'] },
      model_registry: { routing_strategy: { type: 'optimistic', options: { fallback_behavior: 'all' } } },
    })
    const response = await postChat(gateway.url, { model: 'Org/Mistral-7B-Instruct' })
    assert.equal(response.status, 503)
    assert.equal(
      (await postChat(gateway.url, { model: 'unknown-model' })).headers.get('x-olla-routing-reason'),
      'model_not_found_fallback',
    )
  })

  it('prefers an endpoint that holds the model in memory', async (t) => {
    const cold = await withSimulator(t, {
      kind: 'ollama',
      name: 'cold',
      models: [{ name: 'm', loaded: false }],
    })
    const warm = await withSimulator(t, {
      kind: 'ollama',
      name: 'warm',
      models: [{ name: 'm', loaded: true }],
    })
    const gateway = await startGateway(
      t,
      [
        { url: cold.url, name: 'cold', type: 'ollama' },
        { url: warm.url, name: 'warm', type: 'ollama' },
      ],
      { discovery: { residency_interval: '50ms', health: { slow_start: 0 } } },
    )
    const states = async () =>
      (
        (await get(`${gateway.url}/olla/models`)).body as unknown as {
          data: { olla: { availability: { state: string }[] } }[]
        }
      ).data[0]?.olla.availability.map(({ state }) => state)
    await eventually(async () => JSON.stringify(await states()) === '["not-loaded","loaded"]')
    for (let request = 0; request < 6; request++) {
      const response = await postChat(gateway.url, { max_tokens: 1 })
      assert.equal(response.headers.get('x-olla-endpoint'), 'warm')
      await response.text()
    }
  })

  it('gives a cold start its own, longer limit', async (t) => {
    const cold = await withSimulator(t, {
      kind: 'ollama',
      name: 'cold',
      models: [{ name: 'm', loaded: false }],
    })
    await cold.control.setFault({ kind: 'delay', delayMs: 500 })
    const gatewayWith = (limit: string) =>
      startGateway(t, [{ url: cold.url, name: 'cold', type: 'ollama' }], {
        discovery: { residency_interval: '20ms', health: { slow_start: 0 } },
        proxy: { response_header_timeout: '150ms', cold_start_timeout: limit, max_retries: 0 },
      })
    for (const [limit, status] of [
      ['10s', 200],
      ['150ms', 504],
    ] as const) {
      const gateway = await gatewayWith(limit)
      await eventually(async () => {
        const { body } = await get(`${gateway.url}/olla/models`)
        return JSON.stringify(body).includes('not-loaded')
      })
      assert.equal((await postChat(gateway.url, { max_tokens: 1 })).status, status, limit)
    }
  })

  it('does not wait longer for a refresh than it may', async (t) => {
    const { gateway, vllm } = await fleet(t, {
      model_registry: {
        routing_strategy: {
          type: 'discovery',
          options: { discovery_refresh_on_miss: true, discovery_timeout: '200ms', fallback_behavior: 'none' },
        },
      },
    })
    await vllm.control.setFault({ kind: 'hang', path: '/v1/models' })
    const beforeMs = performance.now()
    const miss = await postChat(gateway.url, { model: 'new-model' })
    assert.equal(miss.status, 503)
    assert.equal(miss.headers.get('x-olla-routing-reason'), 'discovery_failed_no_fallback')
    assert.ok(performance.now() - beforeMs < 2_000)
  })

  it('routes a form by its model', async (t) => {
    const one = await withSimulator(t, { kind: 'openai-compatible', name: 'one', models: ['a'] })
    const two = await withSimulator(t, { kind: 'openai-compatible', name: 'two', models: ['whisper-1'] })
    const gateway = await startGateway(t, [
      { url: one.url, name: 'one' },
      { url: two.url, name: 'two' },
    ])
    for (let request = 0; request < 4; request++) {
      const form = new FormData()
      form.set('file', new Blob([new Uint8Array(1000)]), 'a.wav')
      form.set('model', 'whisper-1')
      const response = await fetch(`${gateway.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
      assert.equal(response.headers.get('x-olla-endpoint'), 'two')
      await response.arrayBuffer()
    }
  })

  it('sends a large form again to the next endpoint, without holding it in memory', async (t) => {
    for (const engine of engines) {
      const bad = await withSimulator(t, { kind: 'openai-compatible', name: 'bad', models: ['whisper-1'] })
      const fine = await withSimulator(t, { kind: 'openai-compatible', name: 'fine', models: ['whisper-1'] })
      await bad.control.setFault({ kind: 'status', status: 503 })
      const gateway = await startGateway(
        t,
        [
          { url: bad.url, name: 'bad', priority: 200 },
          { url: fine.url, name: 'fine', priority: 100 },
        ],
        { proxy: engineOf(engine) },
      )
      const form = new FormData()
      form.set('file', new Blob([new Uint8Array(3_000_000).fill(65)]), 'a.wav')
      form.set('model', 'whisper-1')
      const response = await fetch(`${gateway.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('x-olla-endpoint'), 'fine')
      await response.arrayBuffer()
      const [first] = bad.control.requests().filter(({ method }) => method === 'POST')
      const [second] = fine.control.requests().filter(({ method }) => method === 'POST')
      assert.ok((first?.body.length ?? 0) > 3_000_000)
      assert.equal(first?.bodySha256, second?.bodySha256)
    }
  })

  it('narrows to endpoints with the capability, and names it', async (t) => {
    const short = await withSimulator(t, {
      kind: 'vllm',
      name: 'short',
      models: [{ name: 'm', contextLength: 1000 }],
    })
    const long = await withSimulator(t, {
      kind: 'vllm',
      name: 'long',
      models: [{ name: 'm', contextLength: 100_000 }],
    })
    const gateway = await startGateway(t, [
      { url: short.url, name: 'short', type: 'vllm' },
      { url: long.url, name: 'long', type: 'vllm' },
    ])
    const messages = [{ role: 'user', content: 'word '.repeat(4000) }]
    for (let request = 0; request < 4; request++) {
      const response = await postChat(gateway.url, { messages, max_tokens: 1 })
      assert.equal(response.headers.get('x-olla-endpoint'), 'long')
      assert.equal(response.headers.get('x-olla-routing-reason'), 'model_found; able: context_length')
      await response.text()
    }
    const tooLong = [{ role: 'user', content: 'x'.repeat(1_000_000) }]
    assert.equal((await postChat(gateway.url, { messages: tooLong, max_tokens: 1 })).status, 200)
  })

  it('explains a route without sending the request', async (t) => {
    const { gateway, vllm, lmstudio } = await fleet(t)
    await lmstudio.close()
    await eventually(async () =>
      (await gateway.status()).some(({ name, status }) => name === 'desk' && status === 'offline'),
    )
    const before = vllm.control.counters().requests
    const response = await fetch(`${gateway.url}/internal/explain`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'Org/Mistral-7B-Instruct', messages: [] }),
    })
    const told = (await response.json()) as {
      chosen: string
      reason: string
      endpoints: { endpoint: string; reason: string; cost: number | null }[]
    }
    assert.equal(told.chosen, 'gpu')
    assert.equal(told.reason, 'model_found')
    const reasons = Object.fromEntries(told.endpoints.map(({ endpoint, reason }) => [endpoint, reason]))
    assert.equal(reasons.gpu, 'chosen')
    assert.match(reasons.box ?? '', /does not have the model/)
    assert.match(reasons.desk ?? '', /^offline: /)
    assert.ok(
      vllm.control.counters().generationsStarted === 0 && vllm.control.counters().requests - before < 5,
    )
  })

  it('prints ready configurations for clients', async (t) => {
    const { gateway } = await fleet(t)
    const text = async (name: string) => (await fetch(`${gateway.url}/internal/clients/${name}`)).text()
    assert.ok(JSON.parse(await text('opencode')).provider.olla.models['Org/Mistral-7B-Instruct'])
    assert.equal(JSON.parse(await text('crush')).providers.olla.base_url, `${gateway.url}/v1`)
    assert.ok(JSON.parse(await text('zed')).language_models.openai_compatible['olla-gateway'])
    assert.equal(parse(await text('continue')).models[0].apiBase, `${gateway.url}/v1`)
    assert.match(await text('codex'), /wire_api = "responses"/)
    assert.match(await text('claude-code'), new RegExp(`ANTHROPIC_BASE_URL=${gateway.url}`))
    assert.match(await text('open-webui'), /OLLAMA_BASE_URL=/)
    assert.match(await text('env'), /OPENAI_BASE_URL=/)
    assert.equal((await fetch(`${gateway.url}/internal/clients/nobody`)).status, 404)
  })
})
