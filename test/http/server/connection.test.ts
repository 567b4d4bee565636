import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { kTakeBody } from '../../../src/http/contract/capabilities.ts'
import { IncomingRequest } from '../../../src/http/server/incoming-request.ts'
import { OutgoingResponse } from '../../../src/http/server/outgoing-response.ts'
import { Http1Server } from '../../../src/http/server/server.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import type { BodyKeeper } from '../../../src/kernel/memory/growing-body.ts'
import { budgetOf } from '../../support/buffer-budget.ts'
import { exchange, last, listen, servers } from './support.ts'

interface ChannelMessage {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
  readonly server: Server
}

const post = (bytes: number, fields = '') =>
  `POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n${fields}\r\n`

for (const [name, create] of servers)
  describe(`a connection of ${name}`, () => {
    it('serves no request from the rest of a body after the last answer', async (t) => {
      const seen: string[] = []
      const server = create(({ url = '', socket }, response) => {
        seen.push(url)
        // As what comes in the moment in which the connection ends.
        response.on('finish', () => setImmediate(() => socket.emit('data', Buffer.from(last))))
        response.setHeader('connection', 'close')
        response.end('x')
      })
      const port = await listen(t, server)
      await exchange(port, (socket) => socket.write(post(1000)))
      assert.deepEqual(seen, ['/a'])
    })

    it('publishes each request and its answer to tracing tools', async (t) => {
      const told: string[] = []
      const server = create(({ url }, response) => void response.end(url))
      const port = await listen(t, server)
      for (const name of ['http.server.request.start', 'http.server.response.finish']) {
        const hear = (message: unknown): void => {
          const { request, response, socket, server: from } = message as ChannelMessage
          if (from === server && response.req === request && socket === request.socket)
            told.push(`${name} ${request.url}`)
        }
        subscribe(name, hear)
        t.after(() => unsubscribe(name, hear))
      }
      await exchange(port, (socket) => socket.write(last))
      assert.deepEqual(told, ['http.server.request.start /last', 'http.server.response.finish /last'])
    })

    it('drops an unread body and serves the request after it', async (t) => {
      const seen: string[] = []
      const port = await listen(
        t,
        create(({ url = '' }, response) => {
          seen.push(url)
          response.end('x')
        }),
      )
      await exchange(port, (socket) => {
        socket.write(post(300_000))
        socket.once('data', () => socket.write('b'.repeat(300_000) + last))
      })
      assert.deepEqual(seen, ['/a', '/last'])
    })

    it('delivers the whole body to a reader that still reads after the answer', async (t) => {
      let bytes = 0
      const port = await listen(
        t,
        create((request, response) => {
          request.on('data', (part: Buffer) => (bytes += part.length))
          response.end('x')
        }),
      )
      await exchange(port, (socket) => {
        socket.write(post(300_000))
        socket.once('data', () => socket.write('b'.repeat(300_000) + last))
      })
      assert.equal(bytes, 300_000)
    })

    it('reports a client that leaves with half of the body', async (t) => {
      const told: string[] = []
      const closed = Promise.withResolvers<void>()
      const tell = (request: IncomingMessage, response: ServerResponse): void => {
        request.on('aborted', () => told.push('aborted'))
        request.on('close', () => told.push('request'))
        response.on('close', () => {
          told.push('response')
          setImmediate(closed.resolve)
        })
        request.once('data', () => request.socket.resetAndDestroy())
      }
      const port = await listen(t, create(tell))
      await exchange(port, (socket) => socket.write(`${post(10)}half`))
      await closed.promise
      assert.deepEqual(told.sort(), ['aborted', 'request', 'response'])
    })
  })

describe('the fast path of an answer', () => {
  it('does not end at an empty chunk', async (t) => {
    const server = new Http1Server({ clock: systemClock }, (_request, response) => {
      assert.ok(response instanceof OutgoingResponse)
      response.begin(200, ['Date', 'now', 'Connection', 'close'])
      response.send([], 0)
      response.send([Buffer.from('ab')], 2)
      response.finish([], 0)
    })
    const text = await exchange(await listen(t, server), (socket) => socket.write(last))
    assert.equal(
      text,
      'HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n',
    )
  })
})

describe('a body that is received whole', () => {
  it('is intact, like the request after it, and releases only its own memory', async (t) => {
    const seen: Array<string | undefined> = []
    const budget = budgetOf(1_000_000)
    const server = new Http1Server({ clock: systemClock }, (request, response) => {
      seen.push(request.url)
      if (!(request instanceof IncomingRequest)) {
        response.end()
        return
      }
      const keeper: BodyKeeper = { heldBody: undefined }
      request[kTakeBody](budget, keeper, (error, body) => {
        assert.equal(error, null)
        assert.equal(body?.toString('latin1'), bodyText)
        const isWithHead = body !== undefined && body.byteOffset > 0
        keeper.heldBody?.release()
        assert.equal(body?.length, isWithHead ? bodyText.length : 0)
        keeper.heldBody?.release()
        assert.equal(budget.heldBytes, 0)
        response.end()
      })
    })
    const bodyText = 'b'.repeat(400_000)
    const port = await listen(t, server)
    await exchange(port, (socket) => socket.write(post(400_000) + bodyText + last))
    assert.deepEqual(seen, ['/a', '/last'])
  })

  it('breaks with the client, as the stream would', async (t) => {
    const told: string[] = []
    const budget = budgetOf(1_000_000)
    const closed = Promise.withResolvers<void>()
    const server = new Http1Server({ clock: systemClock }, (request) => {
      assert.ok(request instanceof IncomingRequest)
      request.on('aborted', () => told.push('aborted'))
      request.on('close', () => {
        told.push('close')
        closed.resolve()
      })
      request[kTakeBody](budget, { heldBody: undefined }, (error) => told.push(String(error)))
      request.socket.resetAndDestroy()
    })
    const port = await listen(t, server)
    await exchange(port, (socket) => socket.write(`${post(10)}half`))
    await closed.promise
    assert.deepEqual(told.sort(), ['Error: aborted', 'aborted', 'close'])
    assert.equal(budget.heldBytes, 0)
  })

  it('breaks with the connection while it is complete and waits for budget', async (t) => {
    const budget = budgetOf(100_000)
    const other = budget.open()
    assert.equal(other.takeNow(100_000), undefined)
    const begun = Promise.withResolvers<void>()
    const { promise, resolve } = Promise.withResolvers<string>()
    const server = new Http1Server({ clock: systemClock }, (request) => {
      assert.ok(request instanceof IncomingRequest)
      request[kTakeBody](budget, { heldBody: undefined }, (error) => resolve(String(error)))
      begun.resolve()
      setImmediate(function destroy() {
        if (request.complete) request.socket.destroy()
        else setImmediate(destroy)
      })
    })
    const port = await listen(t, server)
    const text = exchange(port, (socket) => {
      socket.write(post(10))
      begun.promise.then(() => socket.write('0123456789'), assert.fail)
    })
    assert.equal(await promise, 'Error: aborted')
    await text
    assert.equal(budget.waiting, 0)
    other.release()
    assert.equal(budget.heldBytes, 0)
  })
})
