import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import requestContext from '../../plugins/proxy/request-context.ts'
import bufferBudget from '../../plugins/runtime/buffer-budget.ts'
import events from '../../plugins/runtime/events.ts'
import overload from '../../plugins/runtime/overload.ts'
import state from '../../plugins/runtime/state.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { GatewayEvent } from '../../src/runtime/events/events.ts'
import { overloadCells, readOverload } from '../../src/runtime/overload/overload-cells.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { delivered } from '../support/registry.ts'

/** An app in which requests name their priority, on a clock whose timers are late. */
async function setUp(t: TestContext, lateMs: number) {
  const clock = new FakeClock()
  const late: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, run) => clock.after(delayMs + lateMs, run),
  }
  const app = Fastify()
  t.after(() => app.close())
  const published: GatewayEvent[] = []
  await app.register(state)
  await app.register(events, { onEvent: (event) => void published.push(event) })
  await app.register(bufferBudget)
  await app.register(requestContext)
  app.addHook('onRequest', async ({ gateway, headers }) => {
    const { 'x-priority': priority } = headers
    if (priority !== 'low' && priority !== 'high') return
    gateway.identity = {
      keyId: 'k',
      keyName: 'k',
      owner: undefined,
      team: undefined,
      access: undefined,
      parameters: undefined,
      priority,
      weight: 1,
    }
  })
  await app.register(overload, { clock: late, random: () => 0 })
  for (const url of ['/v1/chat/completions', '/internal/health', '/version'])
    app.route({ method: ['GET', 'POST'], url, handler: () => 'ok' })
  await app.ready()
  await clock.advance(3 * (200 + lateMs))
  await delivered()
  const send = async (method: 'GET' | 'POST', url: string, priority = 'normal') => {
    const { statusCode, headers, body } = await app.inject({
      method,
      url,
      headers: { 'x-priority': priority },
    })
    return { statusCode, retryAfter: headers['retry-after'], body }
  }
  const post = async (priority?: string) => (await send('POST', '/v1/chat/completions', priority)).statusCode
  return { app, send, post, published }
}

describe('plugin overload', () => {
  for (const { lateMs, level, statuses } of [
    { lateMs: 0, level: 0, statuses: [200, 200, 200] },
    { lateMs: 300, level: 1, statuses: [503, 200, 200] },
    { lateMs: 1_500, level: 2, statuses: [503, 503, 200] },
    { lateMs: 4_000, level: 3, statuses: [503, 503, 503] },
  ]) {
    it(`answers ${statuses.join()} to low, normal and high priority at a delay of ${lateMs} ms`, async (t) => {
      const { app, send, post, published } = await setUp(t, lateMs)
      assert.deepEqual([await post('low'), await post(), await post('high')], statuses)
      const found = readOverload(app.gatewayState.of(overloadCells))
      assert.equal(found.level, level)
      assert.deepEqual(
        Object.values(found.refused),
        statuses.map((status) => (status === 503 ? 1 : 0)),
      )
      assert.equal(published.filter(({ type }) => type === 'overload.level').length, level === 0 ? 0 : 1)
      // Never refused.
      for (const url of ['/internal/health', '/version'])
        for (const method of ['GET', 'POST'] as const)
          assert.equal((await send(method, url, 'low')).statusCode, 200, `${method} ${url}`)
      assert.equal((await send('GET', '/v1/chat/completions', 'low')).statusCode, 200)
    })
  }

  it('says when to come back', async (t) => {
    const { send } = await setUp(t, 1_500)
    const { retryAfter, body } = await send('POST', '/v1/chat/completions', 'low')
    assert.equal(retryAfter, '2')
    assert.match(body, /"code":"overloaded"/)
    assert.equal((await send('POST', '/v1/chat/completions')).retryAfter, '1')
  })
})
