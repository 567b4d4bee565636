import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import internalAccess from '../../plugins/admin/internal-access.ts'
import requestContext from '../../plugins/proxy/request-context.ts'
import eventLog, { type EventLogOptions } from '../../plugins/runtime/event-log.ts'
import events from '../../plugins/runtime/events.ts'
import lifecycle from '../../plugins/runtime/lifecycle.ts'
import peers from '../../plugins/runtime/peers.ts'
import state from '../../plugins/runtime/state.ts'
import internalEvents from '../../routes/admin/events.ts'
import type { EventBus } from '../../src/runtime/events/bus.ts'
import type { EventHub } from '../../src/runtime/events/event-hub.ts'
import { noConnections } from '../support/no-connections.ts'
import { eventually } from '../support/simulator.ts'
import { openEvents } from '../support/sse.ts'

async function start(t: TestContext, options: EventLogOptions = {}) {
  const app = Fastify()
  t.after(() => app.close())
  let bus: EventBus | undefined
  let hub: EventHub | undefined
  let drain: () => Promise<unknown> = () => assert.fail()
  await app.register(async (scope) => {
    await scope.register(peers)
    await scope.register(events)
    await scope.register(state)
    await scope.register(lifecycle)
    await scope.register(eventLog, options)
    await scope.register(requestContext)
    await scope.register(internalAccess)
    await scope.register(
      fp(
        (inner, _options, done) => {
          inner.decorate('gatewaySamples', { intervalMs: 2_000, json: () => '[{"at_ms":1}]' })
          done()
        },
        { name: 'gateway-sampler' },
      ),
    )
    await scope.register(internalEvents, {
      version: '1.2.3',
      proxy: { load_balancer: 'priority' },
      dashboard: { playground: false, recent_requests: 5 },
    })
    bus = scope.gatewayEvents
    hub = scope.eventHub
    const { gatewayLifecycle } = scope
    drain = () => gatewayLifecycle.drain(noConnections)
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const publish = (...names: string[]) => {
    for (const endpoint of names) bus?.publish('endpoint.detected', { endpoint, profile: 'vllm' })
  }
  const url = `http://127.0.0.1:${port}`
  return { app, drain, url, port, publish, bus: bus as EventBus, hub: hub as EventHub }
}

const named = (endpoint: string) => (message: { event: string; data: Record<string, unknown> }) =>
  message.event === 'event' && (message.data.data as { endpoint?: string }).endpoint === endpoint

describe('/internal/events', () => {
  it('starts with a description of the gateway, and continues with events', async (t) => {
    const { url, publish } = await start(t)
    const stream = await openEvents(t, `${url}/internal/events`)
    assert.equal(stream.response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    assert.equal(stream.response.headers.get('cache-control'), 'no-store')
    assert.equal(stream.response.headers.get('x-accel-buffering'), 'no')
    assert.ok(stream.response.headers.get('x-olla-request-id'))
    const hello = await stream.until(({ event }) => event === 'hello')
    assert.equal(hello.id, undefined)
    assert.equal(hello.data.version, '1.2.3')
    assert.equal(hello.data.threads, 1)
    // That the gateway is ready was the first event.
    assert.match(String(hello.data.last_event_id), /^[0-9a-z]+-1$/)
    assert.deepEqual(hello.data.features, {
      cancel: true,
      playground: false,
      recent_requests: 5,
      login: false,
      keys: false,
      usage: false,
      replicas: false,
      discovery: false,
    })
    publish('a')
    const { id, data } = await stream.until(named('a'))
    assert.match(id ?? '', /^[0-9a-z]+-2$/)
    assert.equal(data.id, id)
    assert.equal(data.type, 'endpoint.detected')
    assert.deepEqual(data.data, { endpoint: 'a', profile: 'vllm' })
  })

  it('resumes after the last event that a client has seen', async (t) => {
    const { url, publish } = await start(t)
    const first = await openEvents(t, `${url}/internal/events`)
    publish('a', 'b')
    const seen = await first.until(named('a'))
    await first.until(named('b'))
    first.close()
    publish('c')
    const again = await openEvents(t, `${url}/internal/events`, { 'last-event-id': seen.id ?? '' })
    await again.until(named('c'))
    const names = again.messages.filter(({ event }) => event === 'event').map(({ data }) => data.data)
    assert.deepEqual(names, [
      { endpoint: 'b', profile: 'vllm' },
      { endpoint: 'c', profile: 'vllm' },
    ])
    const byQuery = await openEvents(t, `${url}/internal/events?last_event_id=${again.messages.at(-1)?.id}`)
    publish('d')
    await byQuery.until(named('d'))
    assert.deepEqual(
      byQuery.messages.map(({ event }) => event),
      ['hello', 'event'],
    )
  })

  it('reports lost events after too many, or after a restart', async (t) => {
    const { url, publish } = await start(t, { capacity: 2 })
    const first = await openEvents(t, `${url}/internal/events`)
    publish('a')
    const { id = '' } = await first.until(named('a'))
    publish('b', 'c', 'd')
    await first.until(named('d'))
    const late = await openEvents(t, `${url}/internal/events`, { 'last-event-id': id })
    const gap = await late.until(({ event }) => event === 'gap')
    assert.deepEqual(gap.data, { reason: 'too_old', missed: 1 })
    await late.until(named('d'))
    assert.deepEqual(
      late.messages.map(({ event }) => event),
      ['hello', 'gap', 'event', 'event'],
    )
    const foreign = await openEvents(t, `${url}/internal/events`, { 'last-event-id': 'zzz-1' })
    const restarted = await foreign.until(({ event }) => event === 'gap')
    assert.deepEqual(restarted.data, { reason: 'restarted', missed: null })
  })

  it('replays on demand, and only the requested types', async (t) => {
    const { url, publish, bus } = await start(t)
    publish('a', 'b')
    bus.publish('discovery.failed', { endpoint: 'x', reason: 'r', consecutiveFailures: 2 })
    publish('c')
    const stream = await openEvents(t, `${url}/internal/events?replay=3&types=endpoint.*`)
    await stream.until(named('c'))
    assert.deepEqual(
      stream.messages.map(({ event }) => event),
      ['hello', 'event', 'event'],
    )
    const other = await openEvents(t, `${url}/internal/events?replay=10&types=discovery.failed`)
    const failed = await other.until(({ event }) => event === 'event')
    assert.deepEqual(failed.data.data, { endpoint: 'x', reason: 'r', consecutive_failures: 2 })
  })

  it('sends samples unless they are declined', async (t) => {
    const { url, hub, publish } = await start(t)
    const all = await openEvents(t, `${url}/internal/events`)
    const none = await openEvents(t, `${url}/internal/events?samples=false`)
    await eventually(() => hub.subscribers === 2)
    hub.sample('{"at_ms":7}')
    assert.deepEqual((await all.until(({ event }) => event === 'sample')).data, { at_ms: 7 })
    publish('a')
    await none.until(named('a'))
    assert.deepEqual(
      none.messages.map(({ event }) => event),
      ['hello', 'event'],
    )
    const kept = await (await fetch(`${url}/internal/samples`)).json()
    assert.deepEqual(kept, { sample_interval_ms: 2_000, samples: [{ at_ms: 1 }] })
  })

  it('disconnects a client that does not read, and no other', async (t) => {
    const { url, port, publish, hub } = await start(t, { maxBufferedBytes: 200_000 })
    const reader = await openEvents(t, `${url}/internal/events`)
    const slow = connect(port, '127.0.0.1')
    slow.on('error', () => {})
    const closed = once(slow, 'close')
    slow.write('GET /internal/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(slow, 'data')
    slow.pause()
    await eventually(() => hub.subscribers === 2)
    let batch = 0
    // Both kernels' buffers fill first.
    await eventually(
      () => {
        publish(...Array.from({ length: 50 }, () => `${batch}${'x'.repeat(490)}`))
        batch++
        return hub.slow === 1
      },
      { intervalMs: 0 },
    )
    publish('last')
    await reader.until(named('last'))
    assert.equal(hub.subscribers, 1)
    slow.resume()
    await closed
  })

  it('limits the number of streams, and frees them', async (t) => {
    const { url, hub } = await start(t, { dashboard: { event_subscribers: 1 } })
    const first = await openEvents(t, `${url}/internal/events`)
    await first.until(({ event }) => event === 'hello')
    const second = await fetch(`${url}/internal/events`)
    assert.equal(second.status, 503)
    assert.equal(second.headers.get('retry-after'), '10')
    assert.equal(((await second.json()) as { error: { code: string } }).error.code, 'at_capacity')
    first.close()
    await eventually(() => hub.subscribers === 0)
    assert.equal((await openEvents(t, `${url}/internal/events`)).response.status, 200)
  })

  it('keeps the connection alive', async (t) => {
    const { port } = await start(t, { heartbeatMs: 5 })
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.write('GET /internal/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    await eventually(() => text.includes(': keep-alive\n\n'))
  })

  it('ends when the gateway drains, and starts no new streams', async (t) => {
    const { url, drain } = await start(t)
    const stream = await openEvents(t, `${url}/internal/events`)
    await stream.until(({ event }) => event === 'hello')
    await drain()
    await stream.ended
    assert.deepEqual(
      stream.messages.map(({ event }) => event),
      ['hello', 'event', 'bye'],
    )
    const late = await fetch(`${url}/internal/events`)
    assert.equal(late.status, 503)
    assert.equal(((await late.json()) as { error: { code: string } }).error.code, 'draining')
  })
})
