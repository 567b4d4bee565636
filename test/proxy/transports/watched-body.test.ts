import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { Pool } from 'undici'
import { watchedBody, watchedBodyBytes } from '../../../src/proxy/transports/watched-body.ts'
import { eventually } from '../../support/simulator.ts'

/** A server that reads a body only after the test resumes the request. */
async function startServer(t: TestContext) {
  const requests: IncomingMessage[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let bytes = 0
    request.on('data', (part: Buffer) => {
      bytes += part.length
    })
    request.on('end', () => response.end(String(bytes)))
    requests.push(request.pause())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { pipelining: 1 })
  t.after(async () => {
    await pool.destroy()
    server.closeAllConnections()
    server.close()
  })
  return { requests, pool }
}

function post(pool: Pool, bytes: number, written: () => void, signal?: AbortSignal) {
  return pool.request({
    method: 'POST',
    path: '/',
    headers: { 'content-length': String(bytes) },
    body: watchedBody(Buffer.alloc(bytes, 97), written) as unknown as Readable,
    ...(signal === undefined ? {} : { signal }),
  })
}

describe('watchedBody', () => {
  it('reports a body once the socket has taken all of it', async (t) => {
    const { requests, pool } = await startServer(t)
    let isWritten = false
    const bytes = 16 * 1_048_576
    const answering = post(pool, bytes, () => {
      isWritten = true
    })
    await eventually(() => requests.length === 1)
    assert.equal(isWritten, false)
    requests[0]?.resume()
    const { body } = await answering
    assert.equal(await body.text(), String(bytes))
    assert.equal(isWritten, true)
  })

  it('reports a very short body before its answer ends', async (t) => {
    const { requests, pool } = await startServer(t)
    let isWritten = false
    const answering = post(pool, watchedBodyBytes, () => {
      isWritten = true
    })
    await eventually(() => requests.length === 1)
    requests[0]?.resume()
    assert.equal(await (await answering).body.text(), String(watchedBodyBytes))
    assert.equal(isWritten, true)
  })

  it('does not report a half-written body that is aborted before its connection has closed', async (t) => {
    const { requests, pool } = await startServer(t)
    const abort = new AbortController()
    let connectedAtEnd: number | undefined
    const answering = post(
      pool,
      16 * 1_048_576,
      () => {
        connectedAtEnd = pool.stats.connected
      },
      abort.signal,
    )
    await eventually(() => requests.length === 1)
    abort.abort(new Error('left'))
    await assert.rejects(answering, /left/)
    await eventually(() => pool.stats.connected === 0)
    assert.notEqual(connectedAtEnd, 1)
  })
})
