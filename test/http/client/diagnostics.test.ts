import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it, type TestContext } from 'node:test'
import { publishing } from '../../../src/http/client/own/diagnostics.ts'
import { ask, Collected, get, ok, startPool } from './server.ts'

interface Message {
  readonly request: { readonly origin: string; readonly method: string; readonly path: string }
  readonly response?: { readonly statusCode: number; readonly headers: readonly string[] }
  readonly trailers?: readonly string[]
  readonly error?: unknown
}

const events = ['create', 'headers', 'trailers', 'error'] as const

/** Collects what channels publish, in order. */
function listen(t: TestContext, names: readonly (typeof events)[number][] = events) {
  const seen: [event: string, message: Message][] = []
  for (const event of names) {
    const name = `olla-gateway:http-client:request:${event}`
    const listener = (message: unknown) => void seen.push([event, message as Message])
    subscribe(name, listener)
    t.after(() => unsubscribe(name, listener))
  }
  return seen
}

describe('the diagnostics channels of the own client', () => {
  it('publish the messages of one request with the same request object', async (t) => {
    const seen = listen(t)
    const { pool, origin } = await startPool(t, 'own', ({ socket }) => socket.write(ok))
    const { told } = await ask(pool, { ...get, path: '/v1?a=b', headers: ['X-A', '1'] })
    assert.equal(told.body, 'ok')
    assert.deepEqual(
      seen.map(([event]) => event),
      ['create', 'headers', 'trailers'],
    )
    const request = seen[0]?.[1].request
    assert.deepEqual(request, { origin, method: 'GET', path: '/v1?a=b', headers: ['X-A', '1'] })
    for (const [, message] of seen) assert.equal(message.request, request)
    assert.deepEqual(seen[1]?.[1].response, { statusCode: 200, headers: ['Content-Length', '2'] })
    assert.deepEqual(seen[2]?.[1].trailers, [])
  })

  it('publish the error of a request that fails', async (t) => {
    const seen = listen(t)
    const { pool, server } = await startPool(t, 'own', ({ socket }) => socket.end('HTTP/1.1 200 OK\r\nCont'))
    const { error } = await ask(pool)
    server.close()
    const refused = await ask(pool)
    assert.deepEqual(
      seen.map(([event]) => event),
      ['create', 'error', 'create', 'error'],
    )
    assert.equal(seen[1]?.[1].error, error)
    assert.equal(seen[3]?.[1].error, refused.error)
  })

  it('publish one request if a stale connection makes the client send it twice', async (t) => {
    const { pool } = await startPool(t, 'own', ({ socket, text, connection }) => {
      if (connection === 0 && !text.startsWith('GET /first')) socket.end()
      else socket.write(ok)
    })
    await ask(pool, { ...get, path: '/first' })
    const seen = listen(t)
    const { told } = await ask(pool)
    assert.equal(told.calls.filter((call) => call === 'connect').length, 2)
    assert.deepEqual(
      seen.map(([event]) => event),
      ['create', 'headers', 'trailers'],
    )
  })

  it('do not wrap the handler without subscribers', (t) => {
    const told = new Collected()
    assert.equal(publishing('http://a', get, told), told)
    listen(t, ['error'])
    assert.notEqual(publishing('http://a', get, told), told)
  })

  it('continue if a message has no subscriber', async (t) => {
    const { pool } = await startPool(t, 'own', ({ socket }) => socket.write(ok))
    const seen = listen(t, ['trailers'])
    assert.equal((await ask(pool)).told.body, 'ok')
    assert.deepEqual(
      seen.map(([event, { request }]) => [event, request.path]),
      [['trailers', '/']],
    )
  })
})
