import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { httpClients } from '../../../src/http/client/contract.ts'
import { eventually } from '../../support/simulator.ts'
import { ask, Collected, failureOf, get, ok, type SeenRequest, startPool } from './server.ts'

/** Ways in which a server ends a connection on which the next request is on its way. */
const endings: Readonly<Record<string, (request: SeenRequest) => void>> = {
  'sends FIN': ({ socket }) => void socket.end(),
  closes: ({ socket }) => void socket.destroy(),
  resets: ({ socket }) => void socket.resetAndDestroy(),
}

for (const client of httpClients) {
  describe(`a reused connection of the ${client} client that ends before a byte of the answer`, () => {
    const bodies: Readonly<Record<string, () => Parameters<typeof ask>[1]>> = {
      none: () => get,
      small: () => ({ ...get, method: 'POST', body: Buffer.from('{}') }),
      large: () => ({ ...get, method: 'POST', body: Buffer.alloc(3_000_000, 'x') }),
      'a stream that can be opened again': () => {
        const open = () => Readable.from([Buffer.from('ab'), Buffer.from('cd')])
        return { ...get, method: 'POST', headers: ['Content-Length', '4'], body: open(), reopen: open }
      },
    }
    for (const [ending, end] of Object.entries(endings)) {
      for (const [kind, request] of Object.entries(bodies)) {
        it(`is replaced if the server ${ending}: the same request is sent again, body: ${kind}`, async (t) => {
          const seen = ['', '']
          const { pool, sockets } = await startPool(t, client, (got) => {
            if (got.text.startsWith('GET /first')) got.socket.write(ok)
            else if (got.connection === 0) end(got)
            else {
              seen[got.connection] += got.text
              const length = Number(/content-length: (\d+)/i.exec(seen[1] ?? '')?.[1] ?? 0)
              if ((seen[1]?.split('\r\n\r\n')[1]?.length ?? -1) === length) got.socket.write(ok)
            }
          })
          await ask(pool, { ...get, path: '/first' })
          const { told, error } = await ask(pool, request())
          assert.equal(error, undefined)
          assert.equal(told.body, 'ok')
          assert.equal(sockets.length, 2)
          assert.deepEqual(
            told.calls.filter((call) => call !== 'written'),
            ['connect', 'connect', 'headers', 'complete'],
          )
        })
      }

      it(`fails if the server ${ending} on a fresh connection`, async (t) => {
        const { pool, sockets } = await startPool(t, client, end)
        const { told, error } = await ask(pool)
        assert.notEqual(error, undefined)
        assert.deepEqual(told.calls, ['connect', 'error'])
        assert.equal(sockets.length, 1)
      })

      it(`fails if the server ${ending} on the fresh one too`, async (t) => {
        const { pool, sockets } = await startPool(t, client, (got) => {
          if (got.text.startsWith('GET /first')) got.socket.write(ok)
          else end(got)
        })
        await ask(pool, { ...get, path: '/first' })
        const { told, error } = await ask(pool)
        assert.notEqual(error, undefined)
        assert.deepEqual(told.calls, ['connect', 'connect', 'error'])
        assert.equal(sockets.length, 2)
      })
    }

    it('is not used if its end follows an answer at once', async (t) => {
      let requests = 0
      const { pool } = await startPool(t, client, ({ socket }) => {
        requests++
        socket.end(ok)
      })
      // Each sends again when it is answered: with several there is always a request that could take a released connection.
      const sendTimes = async (times: number) => {
        for (let at = 0; at < times; at++) assert.equal((await ask(pool)).told.body, 'ok')
      }
      await Promise.all(Array.from({ length: 8 }, () => sendTimes(25)))
      assert.equal(requests, 200)
    })

    it('does not use another idle connection as a fresh one', async (t) => {
      let isDead = false
      const { pool, sockets } = await startPool(t, client, ({ socket, connection }) => {
        if (isDead && connection < 3) socket.destroy()
        else socket.write(ok)
      })
      await Promise.all([ask(pool), ask(pool), ask(pool)])
      assert.equal(sockets.length, 3)
      isDead = true
      const { error } = await ask(pool)
      assert.equal(error, undefined)
      assert.equal(sockets.length, 4)
    })

    it('fails if a byte of the answer has arrived', async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket, text }) => {
        if (text.startsWith('GET /first')) socket.write(ok)
        else socket.end('H')
      })
      await ask(pool, { ...get, path: '/first' })
      const { error } = await ask(pool)
      assert.equal(failureOf(error), 'closed')
      assert.equal(sockets.length, 1)
    })

    it('fails if the server had worked on the request for seconds', async (t) => {
      let waiting: SeenRequest['socket'] | undefined
      const { pool, sockets, clock } = await startPool(t, client, ({ socket, text }) => {
        if (text.startsWith('GET /first')) socket.write(ok)
        else waiting = socket
      })
      await ask(pool, { ...get, path: '/first' })
      const told = new Collected()
      pool.send(get, told)
      while (waiting === undefined) await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(5_001)
      waiting.end()
      assert.equal(failureOf(await told.over), 'closed')
      assert.equal(sockets.length, 1)
    })

    it('fails if the body is a stream that cannot be reopened', async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket, text }) => {
        if (text.startsWith('GET /first')) socket.write(ok)
        else socket.end()
      })
      await ask(pool, { ...get, path: '/first' })
      const body = Readable.from([Buffer.from('ab')])
      const { error } = await ask(pool, { ...get, method: 'POST', headers: ['Content-Length', '2'], body })
      assert.equal(failureOf(error), 'stale')
      assert.equal(sockets.length, 1)
    })

    it('is not replaced for an aborted request', async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket, text }) => {
        if (text.startsWith('GET /first')) socket.write(ok)
      })
      await ask(pool, { ...get, path: '/first' })
      const told = new Collected()
      pool.send(get, told)
      await eventually(() => told.calls.includes('connect'))
      told.abort(new Error('enough'))
      assert.match(String(await told.over), /enough/)
      assert.equal(sockets.length, 1)
      assert.deepEqual(told.calls, ['connect', 'error'])
    })
  })
}
