import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface Row {
  readonly id: string
  readonly request_id: string
  readonly outcome: string
  readonly endpoint: string | null
  readonly attempts: number
  readonly [key: string]: unknown
}

async function list(url: string, query = ''): Promise<{ matched: number; requests: Row[] }> {
  const response = await fetch(`${url}/internal/requests${query}`)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  return (await response.json()) as { matched: number; requests: Row[] }
}

describe('the last requests of a gateway', () => {
  it('show each outcome with attempts and times', async (t) => {
    const broken = await withSimulator(t, { kind: 'vllm', name: 'broken', models: ['m'] })
    const good = await withSimulator(t, { kind: 'vllm', name: 'good', models: ['m'] })
    const gateway = await startGateway(t, [
      { url: broken.url, name: 'broken', priority: 200 },
      { url: good.url, name: 'good', priority: 100 },
    ])
    await broken.control.setFault({ kind: 'status', status: 503 })
    const answer = await postChat(
      gateway.url,
      { stream: true, stream_options: { include_usage: true } },
      {
        headers: { 'content-type': 'application/json', 'x-request-id': 'mine' },
      },
    )
    await answer.text()
    await (await postChat(gateway.url, { model: 'nobody-has-it' })).text()
    await eventually(async () => (await list(gateway.url)).matched === 2)

    const { requests } = await list(gateway.url)
    assert.deepEqual(
      requests.map(({ outcome, status, model }) => [outcome, status, model]),
      [
        ['rejection', 404, 'nobody-has-it'],
        ['success', 200, 'm'],
      ],
    )
    const row = requests[1]
    assert.deepEqual([row?.request_id, row?.endpoint, row?.attempts, row?.stream], ['mine', 'good', 2, true])
    assert.ok(Number(row?.completion_tokens) > 0)
    assert.deepEqual(row?.routing, { strategy: 'strict', decision: 'routed', reason: 'model_found' })

    assert.equal((await list(gateway.url, '?failover=true')).matched, 1)
    assert.equal((await list(gateway.url, '?endpoint=broken')).matched, 1)
    assert.equal((await list(gateway.url, '?status=4xx')).requests[0]?.outcome, 'rejection')
    assert.equal((await fetch(`${gateway.url}/internal/requests?status=x`)).status, 400)

    const response = await fetch(`${gateway.url}/internal/requests/mine`)
    const detail = (await response.json()) as {
      id: string
      attempts: { endpoint: string; outcome: string; status: number; reason: string | null }[]
      timeline: { name: string; at_ms: number }[]
    }
    assert.equal(detail.id, row?.id)
    assert.deepEqual(
      detail.attempts.map(({ endpoint, outcome, status }) => [endpoint, outcome, status]),
      [
        ['broken', 'failed', 503],
        ['good', 'answered', 200],
      ],
    )
    assert.deepEqual(
      detail.timeline.map(({ name }) => name),
      [
        'received',
        'routed',
        'attempt',
        'sent',
        'attempt_failed',
        'attempt',
        'sent',
        'first_byte',
        'first_token',
        'last_byte',
      ],
    )
    const times = detail.timeline.map(({ at_ms }) => at_ms)
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    )
    assert.equal((await fetch(`${gateway.url}/internal/requests/none`)).status, 404)
  })

  it('are not kept if the limit is 0', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'box', models: ['m'] })
    const gateway = await startGateway(t, [{ url: simulator.url, name: 'box' }], {
      dashboard: { recent_requests: 0 },
    })
    await (await postChat(gateway.url)).text()
    const body = await list(gateway.url)
    assert.deepEqual(body, { ...body, capacity: 0, total: 0, matched: 0, requests: [] })
  })
})

describe('the shown configuration', () => {
  it('is the effective one, marks changes, and contains no secret', async (t) => {
    const gateway = await startGateway(
      t,
      [
        {
          url: 'http://127.0.0.1:9',
          name: 'box',
          auth: { type: 'bearer', token: 'top-secret' },
          headers: { 'X-Key': 'hidden' },
        },
      ],
      { proxy: { engine: 'sherpa' }, dashboard: { admin_token: 'sixteen-letters-1' } },
      { awaitRoutable: 0 },
    )
    const response = await fetch(`${gateway.url}/internal/config`)
    const text = await response.text()
    assert.doesNotMatch(text, /top-secret|hidden|sixteen-letters/)
    const { values, changed } = JSON.parse(text) as {
      values: Record<string, Record<string, unknown>>
      changed: string[]
    }
    assert.equal(values.proxy?.engine, 'sherpa')
    assert.equal(values.server?.read_timeout, '30s')
    assert.ok(changed.includes('proxy.engine'))
    assert.ok(changed.includes('dashboard.admin_token'))
    assert.ok(changed.includes('discovery.static.endpoints'))
    assert.ok(!changed.includes('server.read_timeout'))
  })
})
