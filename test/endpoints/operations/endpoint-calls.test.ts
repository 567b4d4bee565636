import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { UpstreamPools } from '../../../src/endpoints/connections/pools.ts'
import { EndpointCalls } from '../../../src/endpoints/operations/endpoint-calls.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

/** Calls to a server, whose handler the test gives. */
async function callsTo(t: TestContext, handle: RequestListener, silenceMs = 5_000) {
  const server = createServer(handle)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const pools = new UpstreamPools(systemClock)
  t.after(() => {
    pools.close()
    server.close()
    server.closeAllConnections()
  })
  const aborting = new AbortController()
  const calls = new EndpointCalls(
    {
      clock: systemClock,
      pools,
      shortages: { explain: (failure) => failure },
      headers: ['User-Agent', 'test'],
    },
    endpoint({ origin: `http://127.0.0.1:${port}`, headers: ['Authorization', 'Bearer x'] }),
    { signal: aborting.signal, silenceMs },
  )
  return { calls, aborting }
}

const say =
  (status: number, body: string): RequestListener =>
  (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }

describe('EndpointCalls', () => {
  it('sends the method, the path, the body and the headers of the endpoint', async (t) => {
    let seen = ''
    const { calls } = await callsTo(t, async (request, response) => {
      const { method, url, headers } = request
      seen = `${method} ${url} ${headers.authorization} ${headers['user-agent']} `
      for await (const chunk of request) seen += String(chunk)
      response.end('{"a":1}')
    })
    const { status, json } = await calls.ok('DELETE', '/api/x?model=a%2Fb', { model: 'a/b' })
    assert.deepEqual([status, json], [200, { a: 1 }])
    assert.equal(seen, 'DELETE /api/x?model=a%2Fb Bearer x test {"model":"a/b"}')
  })

  const refusals: [number, string, string][] = [
    [404, '{"error":"model \'x\' not found"}', "model 'x' not found"],
    [500, '{"error":{"message":"out of memory"}}', 'out of memory'],
    [400, '{"detail":"Not Found"}', 'Not Found'],
    [400, '{"success":false,"error_message":"rank too high"}', 'rank too high'],
    [502, '<html>', 'status 502'],
    [301, '', 'status 301'],
  ]
  for (const [status, body, reason] of refusals) {
    it(`reads the reason of ${status} ${body}`, async (t) => {
      const { calls } = await callsTo(t, say(status, body))
      await assert.rejects(calls.ok('POST', '/x', {}), { name: 'OperationError', message: reason })
      if (status >= 300)
        await assert.rejects(
          calls.lines('/x', {}, () => {}),
          { name: 'OperationError', message: reason },
        )
    })
  }

  it('reads lines in any pieces, and fails on an error in one', async (t) => {
    const { calls } = await callsTo(t, (request, response) => {
      request.resume()
      response.write('{"status":"pul')
      setImmediate(() => response.end('ling"}\n\n[1]\n{"status":"b"}\n{"error":"no space"}\n{"status":"c"}'))
    })
    const seen: unknown[] = []
    await assert.rejects(
      calls.lines('/x', {}, ({ status }) => void seen.push(status)),
      { message: 'no space' },
    )
    assert.deepEqual(seen, ['pulling', 'b'])
  })

  it('fails on lines that are not JSON', async (t) => {
    const { calls } = await callsTo(t, say(200, 'nonsense\n'))
    await assert.rejects(
      calls.lines('/x', {}, () => {}),
      { message: 'the answer is not lines of JSON' },
    )
  })

  it('ends when the endpoint is silent, and when it is cancelled', async (t) => {
    const silent = await callsTo(t, (request) => void request.resume(), 50)
    const late = { message: 'the endpoint did not answer in time' }
    await assert.rejects(silent.calls.send('GET', '/x'), late)
    await assert.rejects(
      silent.calls.lines('/x', {}, () => {}),
      late,
    )
    const { calls, aborting } = await callsTo(t, (request) => void request.resume())
    const pending = [calls.send('GET', '/x'), calls.lines('/x', {}, () => {}), calls.sleep(60_000)]
    aborting.abort()
    for (const each of pending) await assert.rejects(each, { message: 'cancelled' })
    await assert.rejects(calls.send('GET', '/x'), { message: 'cancelled' })
  })

  it('names the failure of a connection without an address', async (t) => {
    const { calls } = await callsTo(t, (request) => void request.socket.destroy())
    await assert.rejects(calls.ok('GET', '/x'), (error: Error) => {
      assert.equal(error.name, 'OperationError')
      assert.doesNotMatch(error.message, /127\.0\.0\.1/)
      return true
    })
  })
})
