import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { UpstreamConnections } from '../../../src/endpoints/connections/connections.ts'
import { UpstreamPools } from '../../../src/endpoints/connections/pools.ts'
import type { HttpClient } from '../../../src/http/client/contract.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import type { Transport, UpstreamRequest } from '../../../src/proxy/contract/transport.ts'
import { Attempt, type AttemptOwner } from '../../../src/proxy/exchange/attempt.ts'
import { directTransport } from '../../../src/proxy/transports/direct-transport.ts'
import { poolOf } from '../../http/client/pools.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { routed } from '../../support/exchange.ts'
import { jsonAnswer, type RawRequest, startRawUpstream } from '../../support/raw-upstream.ts'
import { eventually } from '../../support/simulator.ts'

/** Every transport, on connections that end with the test. */
const transports: Readonly<Record<string, (t: TestContext) => Transport>> = {
  'directTransport, own client': (t) => direct(t, 'own'),
  'directTransport, undici': (t) => direct(t, 'undici'),
  'directTransport, pools that carry probes'(t) {
    const pools = new UpstreamPools(systemClock, { createPool: poolOf.undici })
    t.after(() => pools.close())
    return directTransport(pools)
  },
}

function direct(t: TestContext, httpClient: HttpClient): Transport {
  const connections = new UpstreamConnections(systemClock, { createPool: poolOf[httpClient] })
  t.after(() => connections.close())
  return directTransport(connections)
}

const chat: UpstreamRequest = {
  method: 'POST',
  path: '/v1/chat/completions',
  headers: ['Content-Type', 'application/json'],
  body: Buffer.from('{"model":"m"}'),
}

for (const [name, makeTransport] of Object.entries(transports)) {
  /** Sends a request in an attempt whose owner records its callbacks. */
  async function send(t: TestContext, request: UpstreamRequest, answer: (request: RawRequest) => void) {
    const upstream = await startRawUpstream(t, answer)
    const calls: string[] = []
    const chunks: Buffer[] = []
    const owner: AttemptOwner = {
      sent: () => void calls.push('sent'),
      bodyWritten: () => void calls.push('bodyWritten'),
      head: (_attempt, { statusCode }) => calls.push(`head ${statusCode}`) > 0,
      data: (_attempt, chunk) => chunks.push(chunk) > 0,
      complete: () => void calls.push('complete'),
      failed: (_attempt, { kind }) => void calls.push(`failed ${kind}`),
    }
    const attempt = new Attempt(owner, routed(endpoint({ slot: 0, origin: upstream.url })), 'closed', 0)
    makeTransport(t).send(attempt, request)
    return { upstream, attempt, calls, body: () => Buffer.concat(chunks).toString() }
  }

  describe(name, () => {
    it('sends method, path, headers and body unchanged', async (t) => {
      const request = {
        method: 'PATCH',
        path: '/a//b/../%7Ec%zz?q=%7E&q',
        headers: ['X-CamelCase', 'one', 'x-twice', '1', 'x-twice', '2'],
        body: Buffer.from('{"a": 1e3}'),
      }
      const { upstream, calls, body } = await send(t, request, ({ socket }) => socket.write(jsonAnswer('{}')))
      await eventually(() => calls.at(-1) === 'complete')
      const [received] = upstream.requests
      const [requestLine, ...fields] = received?.head.split('\r\n') ?? []
      assert.equal(requestLine, 'PATCH /a//b/../%7Ec%zz?q=%7E&q HTTP/1.1')
      for (const field of [
        'X-CamelCase: one',
        'x-twice: 1',
        'x-twice: 2',
        `host: ${new URL(upstream.url).host}`,
      ])
        assert.ok(fields.includes(field) || fields.includes(field.replace('host', 'Host')), field)
      assert.equal(received?.body.toString(), '{"a": 1e3}')
      assert.deepEqual(
        calls.filter((call) => call !== 'bodyWritten'),
        ['sent', 'head 200', 'complete'],
      )
      assert.equal(body(), '{}')
    })

    it('closes the connection of an attempt that is cancelled before its answer', async (t) => {
      const { upstream, attempt, calls } = await send(t, chat, () => {})
      await eventually(() => upstream.requests.length === 1)
      attempt.cancel()
      await eventually(() => upstream.sockets.size === 0)
      assert.ok(!calls.some((call) => call.startsWith('failed')))
    })

    it('closes the connection of an attempt that is cancelled after the head of its answer', async (t) => {
      const { upstream, attempt, calls } = await send(t, chat, ({ socket }) =>
        socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\n'),
      )
      await eventually(() => calls.includes('head 503'))
      attempt.cancel()
      await eventually(() => upstream.sockets.size === 0)
    })

    it('fails an attempt whose answer ends with a reset of its connection', async (t) => {
      const { upstream, calls, body } = await send(t, chat, ({ socket }) =>
        socket.write('HTTP/1.1 200 OK\r\n\r\nhalf'),
      )
      // Node 22 reads a reset right behind data as the end of the connection.
      await eventually(() => body() === 'half')
      for (const socket of upstream.sockets) socket.resetAndDestroy()
      await eventually(() => calls.some((call) => /^(failed|complete)/.test(call)))
      assert.equal(calls.at(-1), 'failed reset')
    })

    it('completes a 304 that has a Content-Length', async (t) => {
      const { calls } = await send(t, { ...chat, method: 'GET', body: null }, ({ socket }) =>
        socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'),
      )
      await eventually(() => calls.some((call) => /^(failed|complete)/.test(call)))
      assert.deepEqual(calls, ['sent', 'head 304', 'complete'])
    })

    it('reports that the endpoint has received a large body before it answers', async (t) => {
      const body = Buffer.alloc(300_000, 32)
      const { upstream, attempt } = await send(t, { ...chat, body }, () => {})
      await eventually(() => attempt.isBodyWritten)
      await eventually(() => upstream.requests[0]?.body.length === body.length)
    })

    it('sends a body in pieces as one', async (t) => {
      for (const bytes of [10, 300_000]) {
        const body = ['a', 'b', 'c'].map((each) => Buffer.alloc(bytes, each))
        const { upstream, attempt } = await send(t, { ...chat, body }, () => {})
        if (bytes > 10) await eventually(() => attempt.isBodyWritten)
        await eventually(() => upstream.requests[0]?.body.equals(Buffer.concat(body)) === true)
      }
    })

    it('fails an attempt whose endpoint closes a fresh connection without an answer', async (t) => {
      const { upstream, calls } = await send(t, chat, ({ socket }) => socket.destroy())
      await eventually(() => calls.some((call) => call.startsWith('failed')))
      assert.equal(upstream.requests.length, 1)
    })
  })
}
