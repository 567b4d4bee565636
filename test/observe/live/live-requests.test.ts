import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { LiveRequests } from '../../../src/observe/live/live-requests.ts'
import { RecentRequests } from '../../../src/observe/live/recent-requests.ts'
import { readFilter } from '../../../src/observe/live/request-filter.ts'
import { RequestKeys } from '../../../src/observe/live/request-keys.ts'
import type { RequestContext } from '../../../src/proxy/contract/context.ts'
import type { ActiveExchange } from '../../../src/proxy/exchange/exchange-services.ts'
import { EventBus } from '../../../src/runtime/events/bus.ts'
import type { GatewayEvent } from '../../../src/runtime/events/events.ts'
import type { PeerLink } from '../../../src/runtime/links/peer-link.ts'
import { settleEvents } from '../../support/events.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { connectLinks } from '../../support/links.ts'
import { requestContext } from '../../support/request-context.ts'

/** What a thread has, without the gateway around it. */
function thread(link: PeerLink) {
  const clock = new FakeClock()
  const events: GatewayEvent[] = []
  const bus = new EventBus(clock, () => {})
  bus.subscribe((event) => events.push(event))
  const recent = new RecentRequests(3)
  const keys = new RequestKeys()
  const exchanges: Pick<ActiveExchange, 'context' | 'phase' | 'responseBytes' | 'cancel'>[] = []
  const cancelled: string[] = []
  const requests = new LiveRequests({
    clock,
    link,
    events: bus,
    keys,
    exchanges: () => exchanges as ActiveExchange[],
    recent,
  })
  const begin = (fields: Partial<RequestContext>) => {
    const context = requestContext(fields)
    exchanges.push({ context, phase: 'waiting', responseBytes: 0, cancel: () => cancelled.push(context.id) })
    return keys.keyOf(context.serial)
  }
  const end = (fields: Partial<RequestContext>, endedAtMs: number) => {
    recent.add(requestContext(fields), 'success', endedAtMs, 5)
    return keys.keyOf(fields.serial ?? 0)
  }
  return { requests, begin, end, cancelled, events, clock }
}

function start(t: TestContext) {
  const { first, second } = connectLinks(t, 2)
  return { first: thread(first), second: thread(second) }
}

const all = (query: Record<string, string> = {}) => {
  const filter = readFilter(query)
  if (typeof filter === 'string') throw new Error(filter)
  return filter
}

describe('requests on several threads', () => {
  it('are one list, oldest first, with the known details of each', async (t) => {
    const { first, second } = start(t)
    await first.clock.advance(50)
    await second.clock.advance(50)
    const b = first.begin({ serial: 1, id: 'b', startedAtMs: 20 })
    const a = second.begin({
      serial: 1,
      id: 'a',
      startedAtMs: 10,
      model: 'm',
      lastEndpoint: 'box',
      attemptCount: 2,
      url: '/v1/x?token=t',
    })
    const { total, requests } = await first.requests.inFlight()
    assert.equal(total, 2)
    assert.deepEqual(
      requests.map(({ id, request_id, thread: on, age_ms }) => [id, request_id, on, age_ms]),
      [
        [a, 'a', 1, 40],
        [b, 'b', 0, 30],
      ],
    )
    const [row] = requests
    assert.deepEqual(
      [row?.model, row?.endpoint, row?.attempt, row?.path, row?.phase, row?.status, row?.completion_tokens],
      ['m', 'box', 2, '/v1/x', 'waiting', null, null],
    )
  })

  it('are cancelled on any thread, by either ID, with an event', async (t) => {
    const { first, second } = start(t)
    const id = second.begin({ serial: 7, id: 'client-id', model: 'm' })
    assert.deepEqual(await first.requests.cancel(id, '10.0.0.9'), { id, request_id: 'client-id' })
    assert.deepEqual(await first.requests.cancel('client-id', '10.0.0.9'), { id, request_id: 'client-id' })
    assert.deepEqual(second.cancelled, ['client-id', 'client-id'])
    await settleEvents()
    assert.deepEqual(second.events[0]?.data, {
      id,
      requestId: 'client-id',
      model: 'm',
      endpoint: undefined,
      by: '10.0.0.9',
    })
    assert.equal(await first.requests.cancel('nobody', ''), 'unknown')
  })

  it('are not cancelled if a client’s ID matches several', async (t) => {
    const { first, second } = start(t)
    const id = first.begin({ serial: 1, id: 'same' })
    second.begin({ serial: 1, id: 'same' })
    assert.equal(await first.requests.cancel('same', ''), 'ambiguous')
    assert.deepEqual([first.cancelled, second.cancelled], [[], []])
    assert.deepEqual(await second.requests.cancel(id, ''), { id, request_id: 'same' })
    assert.deepEqual([first.cancelled, second.cancelled], [['same'], []])
  })

  it('cannot be cancelled by a client that uses another client’s ID', async (t) => {
    const { first, second } = start(t)
    const id = first.begin({ serial: 1, id: 'victim' })
    second.begin({ serial: 1, id })
    assert.deepEqual(await second.requests.cancel(id, ''), { id, request_id: 'victim' })
    assert.deepEqual([first.cancelled, second.cancelled], [['victim'], []])
  })

  it('are remembered as one list, newest first, and found by either ID', async (t) => {
    const { first, second } = start(t)
    first.end({ serial: 1, id: 'a', model: 'm' }, 1_000)
    const b = second.end({ serial: 1, id: 'b' }, 2_000)
    first.end({ serial: 2, id: 'b' }, 3_000)
    const list = await second.requests.recent(all())
    assert.deepEqual(
      [list.capacity, list.total, list.matched, list.requests.map(({ request_id }) => request_id)],
      [6, 3, 3, ['b', 'b', 'a']],
    )
    const some = await second.requests.recent(all({ limit: '1', model: 'M' }))
    assert.deepEqual([some.matched, some.requests.map(({ request_id }) => request_id)], [1, ['a']])
    assert.equal((await first.requests.detail('b'))?.ended_at, '1970-01-01T00:00:03.000Z')
    assert.equal((await first.requests.detail(b))?.ended_at, '1970-01-01T00:00:02.000Z')
    assert.equal(await first.requests.detail('nobody'), undefined)
  })
})
