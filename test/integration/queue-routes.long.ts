import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { WaitingView } from '../../src/observe/live/waiting-view.ts'
import { eventually } from '../support/simulator.ts'
import { drain, startHeld, waits } from '../support/waiting.ts'

const change = { headers: { 'X-Olla-Gateway': '1' } }

describe('the routes of the queue', () => {
  it('show who waits, in the order of their turns', async (t) => {
    const { upstream, gateway, ask } = await startHeld(t, {})
    const view = async () => (await (await fetch(`${gateway.url}/internal/queue`)).json()) as WaitingView
    assert.deepEqual((await view()).requests, [])
    ask()
    await eventually(() => upstream.held.length === 1)
    for (let each = 1; each <= 3; each++) {
      ask('m', '127.0.0.2')
      await waits(gateway, each)
    }
    ask('m', '127.0.0.3', 'x'.repeat(400))
    await waits(gateway, 4)
    const { total, models, requests, bytes } = await view()
    assert.equal(total, 4)
    assert.deepEqual(
      models.map(({ model, waiting, endpoints }) => [model, waiting, endpoints]),
      [['m', 4, ['box']]],
    )
    assert.deepEqual(
      requests.map(({ position, client, model, priority }) => [position, client, model, priority]),
      [
        [1, '127.0.0.2', 'm', 'normal'],
        [2, '127.0.0.3', 'm', 'normal'],
        [3, '127.0.0.2', 'm', 'normal'],
        [4, '127.0.0.2', 'm', 'normal'],
      ],
    )
    assert.ok((requests[1]?.tokens ?? 0) > (requests[0]?.tokens ?? 0))
    assert.ok(bytes > 400 && (requests[3]?.ahead_tokens ?? 0) > 3 * 256)
    await drain(upstream, 5)
    await eventually(async () => (await view()).total === 0)
  })

  it('put a request first, and cancel one', async (t) => {
    const { upstream, gateway, ask } = await startHeld(t, {})
    const queue = `${gateway.url}/internal/queue`
    const view = async () => (await (await fetch(queue)).json()) as WaitingView
    ask()
    await eventually(() => upstream.held.length === 1)
    const texts = ['one', 'two', 'three', 'four']
    const asked = []
    for (const [index, text] of texts.entries()) {
      asked.push(ask('m', '127.0.0.1', text))
      await waits(gateway, index + 1)
    }
    const [, second, , last] = (await view()).requests
    const moved = await fetch(`${queue}/${last?.id}/move-up`, { method: 'POST', ...change })
    assert.deepEqual(await moved.json(), { id: last?.id, request_id: last?.request_id, moved_up: true })
    assert.equal((await view()).requests[0]?.id, last?.id)
    const cancelled = await fetch(`${queue}/${second?.id}`, { method: 'DELETE', ...change })
    assert.equal(cancelled.status, 200)
    assert.equal((await asked[1]?.answer)?.status, 499)
    await drain(upstream, 4)
    const order = upstream.seen.map(({ text }) => texts.find((each) => text.includes(each)))
    assert.deepEqual(order, [undefined, 'four', 'one', 'three'])
    for (const [path, method] of [
      ['none/move-up', 'POST'],
      ['none', 'DELETE'],
    ] as const) {
      assert.equal((await fetch(`${queue}/${path}`, { method, ...change })).status, 404)
    }
    const stop = new AbortController()
    const events = await fetch(`${gateway.url}/internal/events?replay=100`, { signal: stop.signal })
    let text = ''
    const reader = events.body?.getReader()
    while (!text.includes('queue.moved')) text += new TextDecoder().decode((await reader?.read())?.value)
    stop.abort()
  })

  it('count waits by model, and events without a flood', async (t) => {
    const { upstream, gateway, ask } = await startHeld(t, {})
    for (let each = 0; each < 30; each++) ask()
    await waits(gateway, 29)
    await drain(upstream, 30)
    await waits(gateway, 0)
    const metric = async (name: string) => {
      const text = await (await fetch(`${gateway.url}/internal/metrics`)).text()
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    }
    await eventually(async () => (await metric('olla_model_queue_wait_seconds_count{model="m"}')) === 29)
    assert.equal(await metric('olla_model_queue_depth_count{model="m"}'), 29)
    assert.equal(await metric('olla_queue_depth_bucket{le="10"}'), 10)
  })

  it('leave nothing behind after 1,000 clients that left in each phase', async (t) => {
    const { upstream, gateway, ask } = await startHeld(
      t,
      { queue: { max_wait: '60s' } },
      { max_concurrent: 20 },
    )
    for (let round = 0; round < 10; round++) {
      const clients = Array.from({ length: 100 }, () => ask().client)
      for (const client of clients) client.on('error', () => {})
      // Some leave at once, some while they wait, some while the endpoint works.
      for (const client of clients.slice(0, 30)) setImmediate(() => client.destroy())
      await eventually(() => upstream.held.length > 0)
      for (const client of clients.slice(30, 70)) client.destroy()
      await waits(gateway, 10)
      for (const client of clients.slice(70)) client.destroy()
      await waits(gateway, 0)
      await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
    }
    const last = ask('m', '127.0.0.1', 'last')
    // Connections that were closed before they were accepted may still be read before it.
    await eventually(() => upstream.held.some(({ text }) => text.includes('last')))
    await eventually(() => upstream.held.length === 1)
    upstream.answer()
    assert.equal((await last.answer).status, 200)
    await waits(gateway, 0)
    await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
  })
})
