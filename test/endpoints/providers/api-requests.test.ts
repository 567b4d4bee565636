import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer, type RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { apiClient, jsonBody } from '../../../src/endpoints/providers/contract/api-client.ts'
import { identity } from '../../support/certificates.ts'

const limits = { timeoutMs: 2_000, idleMs: 2_000, signal: new AbortController().signal }

async function serve(t: TestContext, listener: RequestListener, isSecure = false): Promise<string> {
  const server = isSecure ? createServer(identity('localhost'), listener) : createPlainServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return isSecure ? `https://localhost:${port}` : `http://127.0.0.1:${port}`
}

const code = (expected: string) => (error: unknown) => Reflect.get(Object(error), 'code') === expected

describe('the client of infrastructure APIs', () => {
  it('trusts the authorities of its file, and reads its token for each request', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'olla-api-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const [caFile, tokenFile] = [join(folder, 'ca.crt'), join(folder, 'token')]
    writeFileSync(caFile, identity('localhost').cert)
    const echo: RequestListener = ({ headers, url }, response) =>
      response.end(JSON.stringify([url, headers.authorization]))
    const origin = await serve(t, echo, true)
    const client = apiClient({ origin, caFile, tokenFile })
    for (const token of ['first', 'second']) {
      writeFileSync(tokenFile, `${token}\n`)
      const { statusCode, body } = await client.get('/a?b=c', limits)
      assert.deepEqual([statusCode, await jsonBody(body, 1_000)], [200, ['/a?b=c', `Bearer ${token}`]])
    }
    await assert.rejects(
      apiClient({ origin }).get('/', limits),
      (error) => error instanceof Error && 'code' in error,
    )
  })

  it('reads a file of authorities again that could not be read', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'olla-api-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const caFile = join(folder, 'ca.crt')
    const client = apiClient({ origin: await serve(t, (_, response) => response.end('{}'), true), caFile })
    await assert.rejects(client.get('/', limits), code('ENOENT'))
    writeFileSync(caFile, identity('localhost').cert)
    assert.equal((await client.get('/', limits)).statusCode, 200)
  })

  it('ends a request without an answer, and a body that falls silent', async (t) => {
    const origin = await serve(t, ({ url }, response) => {
      if (url === '/body') response.write('[')
    })
    const client = apiClient({ origin })
    await assert.rejects(client.get('/none', { ...limits, timeoutMs: 20 }), code('ETIMEDOUT'))
    const { body } = await client.get('/body', { ...limits, idleMs: 20 })
    await assert.rejects(jsonBody(body, 1_000), (error) => error instanceof Error && 'code' in error)
  })

  it('ends a request and a body that are aborted', async (t) => {
    const origin = await serve(t, ({ url }, response) => {
      if (url === '/body') response.write('[')
    })
    const client = apiClient({ origin })
    const stopped = new AbortController()
    const { body } = await client.get('/body', { ...limits, signal: stopped.signal })
    const rejected = [
      assert.rejects(jsonBody(body, 1_000)),
      assert.rejects(client.get('/none', { ...limits, signal: stopped.signal })),
    ]
    stopped.abort()
    await Promise.all(rejected)
    await assert.rejects(client.get('/', { ...limits, signal: stopped.signal }))
  })
})
