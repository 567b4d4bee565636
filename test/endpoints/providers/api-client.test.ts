import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { apiClient, jsonBody } from '../../../src/endpoints/providers/contract/api-client.ts'

async function serve(t: TestContext, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    server,
    client: apiClient({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  }
}

const signal = new AbortController().signal
const quick = { timeoutMs: 100, idleMs: 100, signal }
const patient = { timeoutMs: 20_000, idleMs: 20_000, signal }
const openConnections = (server: ReturnType<typeof createServer>) =>
  new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)))

describe('a client of an API of the infrastructure', () => {
  it('reads JSON, and keeps no connection', async (t) => {
    const { server, client } = await serve(t, (_, response) => response.end('{"a":1}'))
    const { statusCode, body } = await client.get('/x?y=1', patient)
    assert.equal(statusCode, 200)
    assert.deepEqual(await jsonBody(body, 100), { a: 1 })
    while ((await openConnections(server)) > 0) await new Promise((resolve) => setImmediate(resolve))
  })

  it('gives up on a server that sends no headers', async (t) => {
    const { client } = await serve(t, () => {})
    await assert.rejects(client.get('/', quick), { code: 'ETIMEDOUT' })
  })

  it('gives up on a body that falls silent', async (t) => {
    const { client } = await serve(t, (_, response) => response.write('[1,'))
    const { body } = await client.get('/', { ...quick, timeoutMs: 20_000 })
    await assert.rejects(jsonBody(body, 100), { code: 'ECONNRESET' })
  })

  it('stops at the limit of a body', async (t) => {
    const { client } = await serve(t, (_, response) => response.end('x'.repeat(1_000)))
    const { body } = await client.get('/', patient)
    await assert.rejects(jsonBody(body, 100), RangeError)
  })

  it('stops when it is asked to', async (t) => {
    const { client } = await serve(t, (_, response) => response.write('[1,'))
    const stop = new AbortController()
    const { body } = await client.get('/', { ...patient, signal: stop.signal })
    const read = assert.rejects(jsonBody(body, 100), { code: 'ECONNRESET' })
    stop.abort()
    await read
  })
})
