import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { httpClients } from '../../../src/http/client/contract.ts'
import { eventually } from '../../support/simulator.ts'
import { ask, Collected, failureOf, get, ok, startPool } from './server.ts'

for (const client of httpClients) {
  describe(`a pool of the ${client} client`, () => {
    it('uses a connection again, and another one for a request at the same time', async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket }) => socket.write(ok))
      for (let round = 0; round < 3; round++) {
        const { told, error } = await ask(pool)
        assert.equal(error, undefined)
        assert.equal(told.status, 200)
        assert.equal(told.body, 'ok')
      }
      assert.equal(sockets.length, 1)
      await Promise.all([ask(pool), ask(pool)])
      assert.equal(sockets.length, 2)
      assert.equal(pool.size, 2)
    })

    it('sends head and body unchanged', async (t) => {
      let seen = ''
      const { pool, origin } = await startPool(t, client, ({ socket, text }) => {
        seen += text
        if (seen.endsWith('end')) socket.write(ok)
      })
      const body = Buffer.from(`${'x'.repeat(100_000)}end`)
      await ask(pool, { method: 'POST', path: '/v1?a=b', headers: ['X-A', '1'], body })
      const head = `POST /v1?a=b HTTP/1.1\r\nHost: ${new URL(origin).host}\r\nConnection: keep-alive\r\nX-A: 1\r\n`
      const expected = `${head}Content-Length: ${body.length}\r\n\r\n${body}`
      assert.equal(seen.toLowerCase(), expected.toLowerCase())
    })

    it('replaces connections to a name after five minutes, because the name may lead elsewhere', async (t) => {
      for (const [hostname, connections] of [
        ['localhost', 2],
        ['127.0.0.1', 1],
      ] as const) {
        const { pool, clock, sockets } = await startPool(t, client, ({ socket }) => socket.write(ok), {
          hostname,
        })
        for (let minute = 0; minute < 30; minute++) {
          const { told, error } = await ask(pool)
          assert.equal(error, undefined)
          assert.equal(told.body, 'ok')
          await clock.advance(20_000)
        }
        assert.equal(sockets.length, connections, hostname)
      }
    })

    const lastAnswers: readonly [string, string][] = [
      ['says that it closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
      ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
      ['sends more than its answer', `${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`],
      [
        'keeps idle connections for too short a time',
        ok.replace('OK\r\n', 'OK\r\nKeep-Alive: timeout=1\r\n'),
      ],
    ]
    for (const [what, text] of lastAnswers) {
      it(`opens a new connection to a server that ${what}`, async (t) => {
        const { pool, sockets } = await startPool(t, client, ({ socket }) => socket.write(text))
        for (let round = 1; round <= 2; round++) {
          const { told, error } = await ask(pool)
          assert.equal(error, undefined)
          assert.equal(told.body, 'ok')
          assert.equal(sockets.length, round)
        }
      })
    }

    it('ends an unframed answer at the end of the connection', async (t) => {
      const { pool } = await startPool(t, client, ({ socket }) => socket.end('HTTP/1.1 200 OK\r\n\r\nall'))
      const { told, error } = await ask(pool)
      assert.equal(error, undefined)
      assert.equal(told.body, 'all')
      await eventually(() => pool.size === 0)
    })

    it('does not reuse a connection on which a request is still being sent', async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket }) => {
        socket.pause()
        socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')
      })
      const body = Buffer.alloc(20_000_000)
      const { told } = await ask(pool, { ...get, method: 'POST', body })
      assert.equal(told.status, 413)
      await ask(pool, { ...get, method: 'POST', body })
      assert.equal(sockets.length, 2)
    })

    it('writes the body before it reads the head of the answer', async (t) => {
      const { pool } = await startPool(t, client, ({ socket, text }) => {
        if (text.endsWith('end')) socket.write(ok)
      })
      for (const bytes of [1, 100_000, 5_000_000]) {
        const body = Buffer.from(`${'x'.repeat(bytes)}end`)
        const { told } = await ask(pool, { ...get, method: 'POST', body })
        assert.deepEqual(told.calls, ['connect', 'written', 'headers', 'complete'])
      }
    })

    it('does not report a body as written if it could not write it', async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket }) => socket.pause())
      const lost = new Collected()
      pool.send({ ...get, method: 'POST', body: Buffer.alloc(20_000_000) }, lost)
      await eventually(() => sockets[0]?.isPaused() === true)
      sockets[0]?.destroy()
      await lost.over
      assert.deepEqual(lost.calls, ['connect', 'error'])
    })

    it('closes an idle connection a second before its server does', async (t) => {
      const text = ok.replace('OK\r\n', 'OK\r\nKeep-Alive: timeout=2\r\n')
      const { pool, clock, open } = await startPool(t, client, ({ socket }) => socket.write(text))
      await ask(pool)
      assert.equal(open.size, 1)
      await clock.advance(2_100)
      await eventually(() => open.size === 0 && pool.size === 0)
    })

    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
    const goOn = 'HTTP/1.1 100 Continue\r\n\r\n'
    for (const [what, parts] of [
      ['hints', [hints, ok]],
      ['hints in the same packet', [`${hints}${hints}${ok}`]],
      ['an unasked 100 Continue', [goOn, ok]],
      ['one in the same packet', [`${goOn}${ok}`]],
      ['several of both', [`${hints}${goOn}${goOn}${hints}`, `${goOn}${ok}`]],
    ] as const) {
      it(`reads past interim answers: ${what}`, async (t) => {
        const { pool, sockets } = await startPool(t, client, ({ socket }) => {
          const [first = '', second] = parts
          socket.write(first, () => {
            if (second !== undefined) setImmediate(() => socket.write(second))
          })
        })
        for (let round = 0; round < 2; round++) {
          const { told, error } = await ask(pool)
          assert.equal(error, undefined)
          assert.deepEqual([told.status, told.body], [200, 'ok'])
          assert.deepEqual(told.calls, ['connect', 'headers', 'complete'])
        }
        assert.equal(sockets.length, 1)
      })
    }

    it('fails after more than 16 interim answers', async (t) => {
      const { pool } = await startPool(t, client, ({ socket }) => socket.write(`${goOn.repeat(17)}${ok}`))
      assert.equal(failureOf((await ask(pool)).error), 'protocol')
    })

    it('does not assign unsolicited bytes to a request', async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket }) => socket.write(ok))
      await ask(pool)
      sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
      await eventually(() => pool.size === 0)
      const { told } = await ask(pool)
      assert.equal(told.body, 'ok')
      assert.equal(sockets.length, 2)
    })

    it('notices that a server has closed an idle connection', async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket }) => socket.write(ok))
      await ask(pool)
      sockets[0]?.end()
      await eventually(() => pool.size === 0)
      assert.equal((await ask(pool)).error, undefined)
    })

    const failures: readonly [string, string, string][] = [
      ['closes without an answer', '', 'closed'],
      ['closes in the head', 'HTTP/1.1 200 OK\r\nCont', 'closed'],
      ['closes in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 'closed'],
      ['closes between chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n', 'closed'],
      ['speaks something else', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'protocol'],
    ]
    for (const [what, text, kind] of failures) {
      it(`fails if the server ${what}`, async (t) => {
        const { pool } = await startPool(t, client, ({ socket }) => socket.end(text))
        const { told, error } = await ask(pool)
        assert.equal(failureOf(error), kind)
        assert.equal(told.calls.filter((call) => call === 'error' || call === 'complete').length, 1)
        await eventually(() => pool.size === 0)
      })
    }

    it('fails if the connection is refused or reset', async (t) => {
      const { pool, server } = await startPool(t, client, ({ socket }) => socket.resetAndDestroy())
      assert.equal(failureOf((await ask(pool)).error), 'reset')
      server.close()
      const { told, error } = await ask(pool)
      assert.equal(failureOf(error), 'refused')
      assert.deepEqual(told.calls, ['error'])
      const body = new Readable({ read() {} })
      await ask(pool, { ...get, method: 'POST', body })
      assert.equal(body.destroyed, true)
    })

    it('closes the connection of an aborted request, and reports nothing more', async (t) => {
      const { pool, open } = await startPool(t, client, ({ socket }) =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'),
      )
      const told = new Collected()
      pool.send(get, told)
      await eventually(() => told.body === 'abc')
      told.abort(new Error('enough'))
      assert.match(String(await told.over), /enough/)
      await eventually(() => open.size === 0 && pool.size === 0)
      assert.deepEqual(told.calls, ['connect', 'headers', 'error'])
    })

    it('reads no more than the handler accepts, and loses nothing', async (t) => {
      const bytes = 3_000_000
      const { pool, sockets } = await startPool(t, client, ({ socket }) => {
        let sent = 0
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`)
        const more = () => {
          while (sent < bytes) {
            sent += 10_000
            if (!socket.write('0123456789'.repeat(1_000))) {
              socket.once('drain', more)
              return
            }
          }
        }
        more()
      })
      class Slow extends Collected {
        override onData(chunk: Buffer): boolean {
          super.onData(chunk)
          setImmediate(() => this.resume())
          return false
        }
      }
      const told = new Slow()
      pool.send(get, told)
      assert.equal(await told.over, undefined)
      assert.equal(told.body, '0123456789'.repeat(bytes / 10))
      assert.equal((await ask(pool, { ...get, path: '/again' })).told.status, 200)
      assert.equal(sockets.length, 1)
    })

    it('isolates a handler that throws', async (t) => {
      const { pool } = await startPool(t, client, ({ socket }) => socket.write(ok))
      class Broken extends Collected {
        override onHeaders(): void {
          throw new Error('broken')
        }
      }
      const told = new Broken()
      pool.send(get, told)
      assert.match(String(await told.over), /broken/)
      assert.equal((await ask(pool)).told.body, 'ok')
    })

    it('sends a stream at the pace of the server, and fails with a stream that fails', async (t) => {
      let seenBytes = 0
      const { pool } = await startPool(t, client, ({ socket, text }) => {
        seenBytes += text.length
        if (text.endsWith('end')) socket.write(ok)
      })
      const parts = [...Array.from({ length: 50 }, () => Buffer.alloc(65_536)), Buffer.from('end')]
      const bytes = 50 * 65_536 + 3
      const headers = ['Content-Length', String(bytes)]
      const { told } = await ask(pool, { method: 'POST', path: '/', headers, body: Readable.from(parts) })
      assert.equal(told.body, 'ok')
      assert.ok(seenBytes > bytes)
      const broken = new Readable({ read() {} })
      const failing = new Collected()
      pool.send({ method: 'POST', path: '/', headers, body: broken }, failing)
      await eventually(() => failing.calls.includes('connect'))
      broken.destroy(new Error('disk'))
      assert.match(String(await failing.over), /disk/)
      await eventually(() => pool.size === 0)
      const gone = new Readable({ read() {} })
      const ending = new Collected()
      pool.send({ method: 'POST', path: '/', headers, body: gone }, ending)
      await eventually(() => ending.calls.includes('connect'))
      gone.destroy()
      assert.equal(failureOf(await ending.over), 'closed')
      const early = new Readable({ read() {} }).on('error', () => {})
      early.destroy(new Error('no such file'))
      const { error } = await ask(pool, { method: 'POST', path: '/', headers, body: early })
      assert.match(String(error), /no such file/)
      const late = Readable.from(['end'])
      await ask(pool, { method: 'POST', path: '/', headers: ['Content-Length', '3'], body: late })
      late.emit('error', new Error('late'))
      assert.equal((await ask(pool, { ...get, method: 'POST', body: Buffer.from('end') })).told.body, 'ok')
    })

    it('rejects what cannot be sent, and keeps the connection', async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket }) => socket.write(ok))
      await ask(pool)
      const evil = { ...get, headers: ['X-A', '1\r\nX-B: 2'] }
      const refused = await ask(pool, evil)
      assert.equal((refused.error as { code?: string }).code, 'ERR_HTTP1_INVALID_REQUEST')
      assert.equal((await ask(pool)).told.body, 'ok')
      assert.equal(sockets.length, 1)
      // On a connection that is new, and with a body that will not be read.
      const [first, second] = [new Collected(), new Readable({ read() {} })]
      pool.send({ ...get, method: 'POST', body: Buffer.from('x') }, first)
      const { error } = await ask(pool, { ...evil, body: second })
      assert.equal((error as { code?: string }).code, 'ERR_HTTP1_INVALID_REQUEST')
      assert.equal(second.destroyed, true)
      await first.over
      await Promise.all([ask(pool), ask(pool)])
      assert.equal(sockets.length, 2)
    })

    it('fails a request that is not yet sent when it closes', async (t) => {
      const { pool } = await startPool(t, client, ({ socket }) => socket.write(ok))
      await ask(pool)
      const told = new Collected()
      pool.send(get, told)
      pool.close()
      assert.equal(failureOf(await told.over), 'closed')
    })

    it('aborts requests in flight when it closes, and accepts no more', async (t) => {
      const { pool, open } = await startPool(t, client, () => {})
      const told = new Collected()
      pool.send(get, told)
      await eventually(() => told.calls.includes('connect'))
      pool.close()
      assert.equal(((await told.over) as { code?: string }).code, 'ERR_HTTP1_CLOSED')
      assert.throws(() => pool.send(get, new Collected()), { code: 'ERR_HTTP1_CLOSED' })
      await eventually(() => open.size === 0 && pool.size === 0)
    })
  })
}

describe('the pool of the own client', () => {
  const client = 'own'

  it('reports when it has consumed a body: a small one at once, a large one when all is written', async (t) => {
    let isStuck = true
    const { pool, sockets } = await startPool(t, client, ({ socket, text }) => {
      if (text.includes('/small')) socket.write(ok)
      else if (isStuck) socket.pause()
    })
    const small = await ask(pool, { ...get, method: 'POST', path: '/small', body: Buffer.from('x') })
    assert.deepEqual(small.told.calls.slice(0, 2), ['connect', 'written'])
    const large = new Collected()
    pool.send({ ...get, method: 'POST', path: '/large', body: Buffer.alloc(20_000_000) }, large)
    await eventually(() => sockets[0]?.isPaused() === true)
    assert.deepEqual(large.calls, ['connect'])
    isStuck = false
    sockets[0]?.resume()
    await eventually(() => large.calls.includes('written'))
  })

  it('closes idle connections after 30 seconds, a second before their server does, or after a minute', async (t) => {
    let keepAlive = ''
    const { pool, clock, open } = await startPool(t, client, ({ socket }) =>
      socket.write(ok.replace('OK\r\n', `OK\r\n${keepAlive}`)),
    )
    await ask(pool)
    await clock.advance(29_000)
    assert.equal(open.size, 1)
    await clock.advance(2_000)
    await eventually(() => open.size === 0 && pool.size === 0)
    keepAlive = 'Keep-Alive: timeout=5\r\n'
    await ask(pool)
    await clock.advance(5_100)
    await eventually(() => open.size === 0)
    keepAlive = 'Keep-Alive: timeout=500\r\n'
    await ask(pool)
    await clock.advance(61_500)
    await eventually(() => open.size === 0)
    assert.equal(clock.armed, 0)
  })

  for (const [what, text] of [
    ['of known length', ok],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ] as const) {
    it(`resumes after a last chunk ${what} that filled the handler`, async (t) => {
      const { pool, sockets } = await startPool(t, client, ({ socket }) => socket.write(text))
      class Full extends Collected {
        override onData(chunk: Buffer): boolean {
          super.onData(chunk)
          return false
        }
      }
      const told = new Full()
      pool.send(get, told)
      assert.equal(await told.over, undefined)
      assert.equal((await ask(pool)).told.body, 'ok')
      assert.equal(sockets.length, 1)
    })
  }
})
