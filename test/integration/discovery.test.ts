import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface ModelsStatus {
  readonly total_models: number
  readonly recent_models: { name: string; endpoints: string[] }[]
}

async function endpointRows(url: string) {
  const body = (await (await fetch(`${url}/internal/status/endpoints`)).json()) as {
    endpoints: { name: string; status: string; type: string; profile?: string; model_count: number }[]
  }
  return body.endpoints
}

describe('models and endpoints', () => {
  it('an endpoint of type auto is detected and serves its own prefix', async (t) => {
    const dmr = await withSimulator(t, { kind: 'docker-model-runner', models: ['ai/smollm2'] })
    const ollama = await withSimulator(t, { kind: 'ollama', models: ['llama3.2:3b'] })
    const gateway = await startGateway(t, [
      { url: dmr.url, name: 'dmr', type: 'auto' },
      { url: ollama.url, name: 'ollama', type: 'auto' },
    ])
    await eventually(async () =>
      (await endpointRows(gateway.url)).every(({ profile }) => profile !== undefined),
    )
    const response = await fetch(`${gateway.url}/olla/dmr/engines/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'ai/smollm2', messages: [] }),
    })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-olla-endpoint'), 'dmr')
    assert.equal((await fetch(`${gateway.url}/olla/vllm/version`)).status, 404)
  })

  it('a type may be spelled as a prefix: dmr is routable under its own prefix', async (t) => {
    const dmr = await withSimulator(t, { kind: 'docker-model-runner', models: ['m'] })
    const gateway = await startGateway(t, [{ url: dmr.url, type: 'dmr' }])
    const response = await fetch(`${gateway.url}/olla/dmr/engines/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages: [] }),
    })
    assert.equal(response.status, 200)
  })

  it('a request goes only to endpoints that have its model, on listed and unlisted paths', async (t) => {
    const one = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['a', 'both'] })
    const two = await withSimulator(t, { kind: 'vllm', name: 'two', models: ['b', 'both'] })
    const gateway = await startGateway(t, [
      { url: one.url, name: 'one', type: 'vllm' },
      { url: two.url, name: 'two', type: 'vllm' },
    ])
    for (let round = 0; round < 5; round++) {
      for (const [model, name] of [
        ['a', 'one'],
        ['b', 'two'],
      ] as const) {
        for (const path of ['/v1/chat/completions', '/olla/vllm/echo/unlisted', '/olla/openai/echo/x']) {
          const response = await fetch(`${gateway.url}${path}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ model, messages: [] }),
          })
          assert.equal(response.headers.get('x-olla-endpoint'), name, path)
          assert.equal(response.headers.get('x-olla-routing-reason'), 'model_found')
          await response.arrayBuffer()
        }
      }
    }
    const unknown = await postChat(gateway.url, { model: 'Nobody/Has-It' })
    assert.equal(unknown.status, 404)
    assert.equal(unknown.headers.get('x-olla-model'), 'Nobody/Has-It')
    assert.equal(unknown.headers.get('x-olla-routing-decision'), 'rejected')
    assert.equal(unknown.headers.get('x-olla-routing-reason'), 'model_not_found')
  })

  it('a removed model disappears, and a list that fails is kept', async (t) => {
    let names = ['a', 'b']
    const lists: (readonly string[] | undefined)[] = []
    const { createServer } = await import('node:http')
    const server = createServer((request, response) => {
      if (request.url !== '/v1/models') {
        response.end('{}')
        return
      }
      const failing = names.length === 0
      lists.push(failing ? undefined : names)
      response.writeHead(failing ? 500 : 200, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify({ data: names.map((id) => ({ id })) }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    const gateway = await startGateway(t, [{ url, health_check_url: '/health' }], {
      discovery: {
        health: { slow_start: 0 },
        model_discovery: { interval: '50ms', retry_attempts: 0, retry_backoff: '10ms' },
      },
    })
    const models = async () =>
      (await (await fetch(`${gateway.url}/internal/status/models`)).json()) as ModelsStatus
    assert.equal((await models()).total_models, 2)
    names = []
    await eventually(() => lists.at(-1) === undefined)
    assert.equal((await models()).total_models, 2)
    names = ['b']
    await eventually(async () => (await models()).total_models === 1)
    assert.equal((await postChat(gateway.url, { model: 'a' })).status, 404)
  })

  it('recovery is noticed within one interval and one timeout, and models are listed again', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const gateway = await startGateway(t, [
      { url: simulator.url, name: 'one', type: 'vllm', check_interval: '1s', check_timeout: '500ms' },
    ])
    await simulator.control.setFault({ kind: 'refuse' })
    assert.equal((await postChat(gateway.url)).status, 502)
    await eventually(async () => (await endpointRows(gateway.url))[0]?.status === 'offline')
    // Long enough for the interval of a failing endpoint to have grown back to its full length.
    await eventually(async () => {
      const { endpoints } = (await (await fetch(`${gateway.url}/internal/status/endpoints`)).json()) as {
        endpoints: { last_error?: string; health_check_at?: string }[]
      }
      return endpoints[0]?.health_check_at !== undefined
    })
    const backMs = performance.now()
    await simulator.control.clearFaults()
    await eventually(async () => (await endpointRows(gateway.url))[0]?.status === 'healthy')
    // One interval and one time limit, and what a busy machine adds; to the millisecond it is a property of
    // the health checker's own tests.
    assert.ok(performance.now() - backMs < 1500 + 1000, `${performance.now() - backMs} ms`)
    await eventually(async () => (await postChat(gateway.url)).status === 200)
  })

  it('every status is shown and correct', async (t) => {
    const healthy = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    const answering = (status: number) => ({ kind: 'health' as const, status })
    const locked = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    await locked.control.setFault(answering(401))
    const broken = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    await broken.control.setFault(answering(500))
    const limited = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    await limited.control.setFault({ kind: 'health', status: 429, retryAfter: '60' })
    const slow = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    await slow.control.setFault({ kind: 'delay', path: '/health', delayMs: 150 })
    const gone = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    await gone.control.setFault({ kind: 'refuse' })
    const row = (simulator: { url: string }, name: string) => ({ url: simulator.url, name, type: 'vllm' })
    const gateway = await startGateway(
      t,
      [
        row(healthy, 'healthy'),
        row(locked, 'config_error'),
        row(broken, 'unhealthy'),
        row(limited, 'rate_limited'),
        row(slow, 'busy'),
        row(gone, 'offline'),
      ],
      { discovery: { health: { slow_start: '30s', busy_threshold: '100ms' } } },
      { awaitRoutable: 2 },
    )
    await eventually(async () =>
      (await endpointRows(gateway.url)).every(({ name, status }) => name === status),
    )
    await gone.control.clearFaults()
    await eventually(async () =>
      (await endpointRows(gateway.url)).some(
        ({ name, status }) => name === 'offline' && status === 'warming',
      ),
    )
  })
})
