import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Explanation } from '../../src/observe/explain/explanation.ts'
import type { RecentDetail, RecentRow } from '../../src/observe/live/recent-view.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const model = 'm'
const proxy = { load_balancer: 'expected-latency' }
let prompts = 0

/** No two prompts share a prefix. */
function bodyOf(bytes: number): string {
  const text = `${prompts++} ${'some words '.repeat(bytes / 11)}`
  return JSON.stringify({ model, stream: true, max_tokens: 3, messages: [{ role: 'user', content: text }] })
}

async function ask({ url }: RunningGateway, headers: Record<string, string> = {}, bytes = 4_000) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: bodyOf(bytes),
  })
  assert.equal(response.status, 200)
  await response.text()
  return response
}

const endpointOf = (response: Response) => response.headers.get('x-olla-endpoint')

/** Two engines, of which one computes prompts a hundred times faster. */
async function unequalFleet(t: TestContext, sections: Record<string, Record<string, unknown>>) {
  const slow = await withSimulator(t, {
    kind: 'vllm',
    name: 'slow',
    models: [model],
    prefillTokensPerSecond: 1_500,
  })
  const fast = await withSimulator(t, {
    kind: 'vllm',
    name: 'fast',
    models: [model],
    prefillTokensPerSecond: 150_000,
  })
  const endpoints = [slow, fast].map(({ url, name }) => ({ url, name, type: 'vllm' }))
  return { endpoints, gateway: await startGateway(t, endpoints, sections) }
}

/** @returns how many of the requests went to the fast endpoint */
async function fastShare(gateway: RunningGateway, requests: number): Promise<number> {
  let fast = 0
  for (let at = 0; at < requests; at++) if (endpointOf(await ask(gateway)) === 'fast') fast++
  return fast
}

async function json<T>(url: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(url, init)
  assert.equal(response.status, 200)
  return (await response.json()) as T
}

describe('expected-latency', () => {
  for (const engine of engines) {
    it(`learns which endpoint is faster, and shows its estimates (${engine})`, async (t) => {
      const { gateway } = await unequalFleet(t, { proxy: { ...proxy, ...engineOf(engine) } })
      await fastShare(gateway, 12)
      assert.ok((await fastShare(gateway, 12)) >= 8)

      const explanation = await json<Explanation>(`${gateway.url}/internal/explain`, {
        method: 'POST',
        body: bodyOf(4_000),
      })
      assert.deepEqual([explanation.balancer, explanation.chosen], ['expected-latency', 'fast'])
      const [slow, fast] = explanation.endpoints.map(({ estimate }) => estimate)
      assert.ok(slow != null && fast != null)
      assert.ok(slow.total_ms > fast.total_ms && slow.confidence > 0, JSON.stringify({ slow, fast }))

      const asked = await ask(gateway, { 'x-olla-explain': '1' })
      const header = asked.headers.get('x-olla-estimate') ?? ''
      assert.match(
        header,
        /^total=\d+ms; waiting=\d+ms; prefill=\d+ms; load=0ms; decode=\d+ms; prompt=\d+; cached=0; confidence=0\.\d\d$/,
      )
      assert.equal((await ask(gateway)).headers.get('x-olla-estimate'), null)

      let recent: RecentRow | undefined
      await eventually(async () => {
        const { requests } = await json<{ requests: RecentRow[] }>(`${gateway.url}/internal/requests?limit=1`)
        recent = requests[0]
        return recent?.prompt_tokens !== null
      })
      const detail = await json<RecentDetail>(`${gateway.url}/internal/requests/${recent?.id}`)
      const attempt = detail.timeline.find(({ name }) => name === 'attempt')
      assert.ok((attempt?.estimate?.total_ms ?? 0) > 0)

      await eventually(async () => {
        const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
        return (
          /olla_endpoint_first_token_estimate_ratio_count\{endpoint="fast"\} [1-9]/.test(metrics) &&
          /olla_model_first_token_estimate_ratio_count\{model="m"\} [1-9]/.test(metrics)
        )
      })
    })
  }

  it('begins and ends with a reload', async (t) => {
    const { gateway, endpoints } = await unequalFleet(t, {})
    const metrics = async () => (await fetch(`${gateway.url}/internal/metrics`)).text()
    await ask(gateway)
    assert.equal((await ask(gateway, { 'x-olla-explain': '1' })).headers.get('x-olla-estimate'), null)
    assert.doesNotMatch(await metrics(), /estimate_ratio_count/)
    await gateway.reload(endpoints, { proxy })
    await eventually(async () => (await fastShare(gateway, 10)) >= 7)
    assert.match(await metrics(), /estimate_ratio_count/)
    await gateway.reload(endpoints, { proxy: { load_balancer: 'round-robin' } })
    assert.equal(await fastShare(gateway, 10), 5)
  })

  it('shows no estimate to a client without access to the dashboard', async (t) => {
    const { gateway } = await unequalFleet(t, {
      proxy,
      dashboard: { access_policy: { allowed_cidrs: ['10.0.0.0/8'] } },
    })
    const response = await ask(gateway, { 'x-olla-explain': '1' })
    assert.equal(response.headers.get('x-olla-estimate'), null)
  })

  it('spreads a burst over equal endpoints', async (t) => {
    const fleet = await Promise.all(
      [0, 1, 2, 3].map((at) =>
        withSimulator(t, { kind: 'vllm', name: `n${at}`, models: [model], timeToFirstTokenMs: 300 }),
      ),
    )
    const gateway = await startGateway(
      t,
      fleet.map(({ url, name }) => ({ url, name, type: 'vllm' })),
      { proxy, discovery: { signals: { interval: '60s' } } },
    )
    const names = await Promise.all(
      Array.from({ length: 48 }, async () => endpointOf(await ask(gateway, {}, 400))),
    )
    for (const { name } of fleet) {
      const count = names.filter((each) => each === name).length
      assert.ok(Math.abs(count - 12) <= 2, `${name}: ${count}`)
    }
  })

  it('keeps a session until another endpoint would answer much sooner', async (t) => {
    const { gateway } = await unequalFleet(t, { proxy: { ...proxy, sticky_sessions: { enabled: true } } })
    await fastShare(gateway, 12)
    const session = { 'x-olla-session-id': 'one' }
    const first = endpointOf(await ask(gateway, session))
    for (let turn = 0; turn < 3; turn++) {
      const next = await ask(gateway, session)
      assert.equal(endpointOf(next), first)
      assert.equal(next.headers.get('x-olla-sticky-session'), 'hit')
    }
  })

  it('expects no wait of requests whose clients have left', async (t) => {
    const slow = await withSimulator(t, {
      kind: 'vllm',
      name: 'slow',
      models: [model],
      timeToFirstTokenMs: 60_000,
    })
    const streaming = await withSimulator(t, {
      kind: 'vllm',
      name: 'streaming',
      models: [model],
      tokensPerSecond: 20,
    })
    const endpoints = [slow, streaming].map(({ url, name }) => ({ url, name, type: 'vllm' }))
    const gateway = await startGateway(t, endpoints, { proxy })
    const clients = Array.from({ length: 40 }, (_, at) => {
      const controller = new AbortController()
      const answer = fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: bodyOf(100 + at * 50),
        signal: controller.signal,
      })
      return { controller, answer }
    })
    const waits = async () => {
      const { endpoints: each } = await json<Explanation>(`${gateway.url}/internal/explain`, {
        method: 'POST',
        body: bodyOf(100),
      })
      return each.map(({ in_flight, estimate }) => [in_flight, estimate?.waiting_ms ?? -1])
    }
    await eventually(() => slow.control.counters().inFlight > 0)
    await Promise.race(clients.map(({ answer }) => answer))
    assert.ok((await waits()).some(([, waitingMs = 0]) => waitingMs > 0))
    for (const { controller } of clients) controller.abort()
    await Promise.allSettled(clients.map(async ({ answer }) => (await answer).text()))
    await eventually(async () => {
      const found = await waits()
      return found.every(([inFlight, waitingMs]) => inFlight === 0 && waitingMs === 0)
    })
  })
})
