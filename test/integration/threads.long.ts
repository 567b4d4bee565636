import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { jsonAnswer, type RawRequest, startRawUpstream, startSlowUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { connectToBoth, connectToThreads, type ThreadClient } from '../support/thread-clients.ts'
import { sameMoment, statusOf, waiting } from '../support/thread-status.ts'
import { good, startOneAtATime, threads } from '../support/two-threads.ts'

/** All clients, one of each thread in turn. */
const mixed = (clients: readonly ThreadClient[][]) => {
  const [first = [], second = []] = clients
  return first.flatMap((client, index) => [client, second[index] ?? assert.fail()])
}

describe('two serving threads', () => {
  it('serve on one port and report the same status', async (t) => {
    const upstream = await startRawUpstream(t, good, { models: ['m', 'other'] })
    const gateway = await startGateway(t, [{ url: upstream.url, name: 'box' }], {}, { threads })
    const [first, second] = await connectToBoth(t, gateway.url)
    for (let request = 0; request < 5; request++) assert.equal((await first.ask()).status, 200)
    for (let request = 0; request < 3; request++) assert.equal((await second.ask()).status, 200)
    assert.equal((await second.ask({ model: 'unheard-of' })).status, 404)

    const paths = [
      '/internal/status',
      '/internal/status/endpoints',
      '/internal/status/models',
      '/internal/stats/models',
      '/internal/ready',
      '/v1/models',
      '/api/tags',
      '/olla/models',
    ]
    for (const path of paths) {
      const [one, two] = await sameMoment(first, second, path)
      assert.deepEqual(one, two, path)
    }
    const { text } = await second.get('/internal/status')
    const { system } = JSON.parse(text) as { system: { total_requests: number } }
    assert.equal(system.total_requests, 9)
    const process = JSON.parse((await first.get('/internal/process')).text) as {
      threads: { thread: number }[]
      runtime: { gomaxprocs: number }
    }
    assert.deepEqual(
      process.threads.map(({ thread }) => thread),
      [0, 1],
    )
    assert.equal(process.runtime.gomaxprocs, 2)
  })

  it('expose one set of counters, and the runtime of each', async (t) => {
    const upstream = await startRawUpstream(t, good)
    const gateway = await startGateway(t, [{ url: upstream.url, name: 'box' }], {}, { threads })
    const [first, second] = await connectToBoth(t, gateway.url)
    for (let request = 0; request < 3; request++) await first.ask()
    for (let request = 0; request < 2; request++) await second.ask()
    for (const client of [first, second]) {
      const { text } = await client.get('/internal/metrics')
      assert.match(text, /^olla_requests_total\{outcome="success",code="200"\} 5$/m)
      assert.match(text, /^olla_endpoint_attempts_total\{endpoint="box"\} 5$/m)
      const heaps = [...text.matchAll(/^nodejs_heap_size_used_bytes\{thread="(\d)"\}/gm)]
      assert.deepEqual(heaps.map(([, thread]) => thread).sort(), ['0', '1'])
    }
  })

  it('choose by all requests in flight, on both threads', async (t) => {
    const upstreams = [await startSlowUpstream(t, good), await startSlowUpstream(t, good)]
    const gateway = await startGateway(
      t,
      upstreams.map(({ url }) => ({ url })),
      { proxy: { load_balancer: 'least-connections' } },
      { threads },
    )
    const clients = mixed(await connectToThreads(t, gateway.url, { each: 5 }))
    const answers: Promise<unknown>[] = []
    for (const [index, client] of clients.entries()) {
      answers.push(client.ask())
      // One after another: each must see all before it.
      await eventually(() => upstreams.reduce((sum, { open }) => sum + open.length, 0) === index + 1)
    }
    assert.deepEqual(
      upstreams.map(({ open }) => open.length),
      [5, 5],
    )
    for (const upstream of upstreams) while (upstream.open.length > 0) upstream.answer()
    await Promise.all(answers)
  })

  it('keep an endpoint’s max_concurrent together, and wake each other’s waiting requests', async (t) => {
    let most = 0
    let now = 0
    const upstream = await startRawUpstream(t, (request) => {
      now++
      most = Math.max(most, now)
      setImmediate(() => {
        now--
        good(request)
      })
    })
    // A probe that a busy machine holds up must not take the only endpoint out meanwhile.
    const endpoint = { url: upstream.url, max_concurrent: 3, check_interval: '60s', check_timeout: '10s' }
    const gateway = await startGateway(t, [endpoint], {}, { threads })
    const clients = mixed(await connectToThreads(t, gateway.url, { each: 12 }))
    const statuses = await Promise.all(
      clients.map(async (client) => {
        const own: number[] = []
        for (let request = 0; request < 10; request++) own.push((await client.ask()).status)
        return own
      }),
    )
    assert.deepEqual(new Set(statuses.flat()), new Set([200]))
    assert.equal(most, 3)
    const [client] = clients
    assert.equal((await statusOf(client ?? assert.fail())).in_flight, 0)
  })

  it('give a freed slot to the longest-waiting request on any thread', async (t) => {
    const { upstream, gateway } = await startOneAtATime(t)
    const [first = [], second = []] = await connectToThreads(t, gateway.url, { each: 4 })
    const order = [first[0], second[0], first[1], second[1], second[2], first[2], second[3], first[3]]
    const finished: number[] = []
    const answers = []
    for (const [index, client] of order.entries()) {
      answers.push(client?.ask({ user: String(index) }).then(() => finished.push(index)))
      if (index === 0) await eventually(() => upstream.open.length === 1)
      else await eventually(async () => (await waiting(gateway)) === index)
    }
    for (let answered = 1; answered <= order.length; answered++) {
      await eventually(() => upstream.open.length === 1)
      upstream.answer()
      await eventually(() => finished.length === answered)
    }
    await Promise.all(answers)
    assert.deepEqual(finished, [0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('wait together for the end of an endpoint’s pause', async (t) => {
    const { upstream, gateway } = await startOneAtATime(t)
    const clients = mixed(await connectToThreads(t, gateway.url, { each: 2 }))
    const answers = clients.map((client) => client.ask())
    await eventually(async () => upstream.open.length === 1 && (await waiting(gateway)) === 3)
    const limited = jsonAnswer('{}', { status: '429 Slow Down', headers: 'Retry-After: 1\r\n' })
    upstream.open.shift()?.socket.write(limited)
    for (const _ of clients) {
      await eventually(() => upstream.open.length === 1)
      upstream.answer()
    }
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [200, 200, 200, 200],
    )
  })

  it('let exactly as many requests through as a rate limit allows', async (t) => {
    const upstream = await startRawUpstream(t, good)
    const gateway = await startGateway(
      t,
      [{ url: upstream.url }],
      {
        server: {
          rate_limits: {
            per_ip_requests_per_minute: 1,
            global_requests_per_minute: 0,
            health_requests_per_minute: 0,
            burst_size: 20,
          },
        },
      },
      { threads },
    )
    const clients = mixed(await connectToThreads(t, gateway.url, { each: 15 }))
    const statuses = await Promise.all(
      clients.flatMap((client) => [client.ask(), client.ask()]).map(async (answer) => (await answer).status),
    )
    // A slow machine may take long enough for another token.
    const allowed = statuses.filter((status) => status === 200).length
    assert.ok(allowed >= 20 && allowed <= 22, `${allowed} of ${statuses.length}`)
    assert.equal(statuses.filter((status) => status === 429).length, statuses.length - allowed)
    const { text } = await (clients[0] ?? assert.fail()).get('/internal/status')
    const { security } = JSON.parse(text) as { security: { violations: { rate_limits: number } } }
    assert.equal(security.violations.rate_limits, statuses.length - allowed)
  })

  it('send one trial to an endpoint after its circuit was open', async (t) => {
    let answer = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{}', { status: '500 No' }))
    const upstream = await startRawUpstream(t, (request) => answer(request))
    const other = await startRawUpstream(t, good)
    const gateway = await startGateway(
      t,
      [
        { url: upstream.url, name: 'failing', priority: 200 },
        { url: other.url, name: 'other', priority: 100 },
      ],
      {
        proxy: {
          load_balancer: 'priority',
          circuit_breaker: { failure_threshold: 3, open_duration: '3s', failure_statuses: [500] },
        },
      },
      { threads },
    )
    const servedBy = async (client: ThreadClient) => (await client.ask()).headers['x-olla-endpoint']
    const clients = mixed(await connectToThreads(t, gateway.url, { each: 5 }))
    const [first, second] = clients
    if (first === undefined || second === undefined) return assert.fail()
    for (const client of [first, second, first]) assert.equal(await servedBy(client), 'other')
    for (const client of [first, second]) {
      const { breaker } = await statusOf(client, 'failing')
      assert.equal(breaker.state, 'open')
      assert.match(breaker.reason, /3 consecutive failures, the last: status 500/)
      assert.equal(await servedBy(client), 'other')
    }
    assert.equal(upstream.requests.length, 3)

    let trial: RawRequest | undefined
    answer = (request) => {
      trial = request
    }
    await eventually(async () => {
      const { text } = await first.get('/internal/status/endpoints')
      const { endpoints } = JSON.parse(text) as { endpoints: { breaker: { retry_at?: string } }[] }
      return Date.parse(endpoints[0]?.breaker.retry_at ?? '') <= Date.now()
    })
    let settled = 0
    const answers = clients.map(async (client) => {
      const endpoint = await servedBy(client)
      settled++
      return endpoint
    })
    await eventually(() => trial !== undefined && settled === clients.length - 1)
    assert.equal(upstream.requests.length, 4)
    if (trial !== undefined) good(trial)
    const endpoints = (await Promise.all(answers)).map(String).toSorted()
    assert.deepEqual(endpoints, ['failing', ...Array.from({ length: clients.length - 1 }, () => 'other')])
    for (const client of [first, second])
      assert.equal((await statusOf(client, 'failing')).breaker.state, 'closed')
  })

  it('share at once that an endpoint is down, and that it has recovered', async (t) => {
    const bad = await startRawUpstream(t, good)
    const fine = await startRawUpstream(t, good)
    const gateway = await startGateway(
      t,
      [
        { url: bad.url, name: 'bad', priority: 200, check_interval: '60s', check_timeout: '1s' },
        { url: fine.url, name: 'good', priority: 100 },
      ],
      {},
      { threads },
    )
    const [first, second] = await connectToBoth(t, gateway.url)
    await bad.stop()
    assert.equal((await first.ask()).headers['x-olla-attempts'], '2')
    // No event needs to arrive for this: the status is in shared memory.
    assert.equal((await statusOf(second, 'bad')).status, 'offline')
    assert.equal((await second.ask()).headers['x-olla-attempts'], undefined)
    // The control thread has heard of it, or it would not look again for a minute.
    await bad.restart()
    await eventually(async () => (await statusOf(second, 'bad')).status === 'healthy')
    assert.equal((await first.ask()).headers['x-olla-endpoint'], 'bad')
  })
})
