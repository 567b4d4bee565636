import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import Fastify, { LogController } from 'fastify'
import pino from 'pino'
import gateway, { parseConfig } from '../../src/index.ts'
import { chatBody, openSocket } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

type Line = Readonly<Record<string, unknown>>

async function logged(t: TestContext, server: Record<string, unknown> = {}) {
  const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
  const lines: Line[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const text of chunk.toString().trim().split('\n')) lines.push(JSON.parse(text))
      done()
    },
  })
  const app = Fastify({
    loggerInstance: pino({ level: 'debug' }, stream),
    logController: new LogController({ disableRequestLogging: true }),
  })
  const config = parseConfig({
    server,
    discovery: { static: { endpoints: [{ url: simulator.url, name: 'box', type: 'vllm' }] } },
    proxy: { max_retries: 0 },
  })
  await app.register(gateway, { config })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => app.close())
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const requests = () => lines.filter(({ msg }) => msg === 'request')
  await eventually(() => lines.some(({ msg }) => msg === 'models discovered'))
  const ask = (path = '/v1/chat/completions?api_key=hunter2&x=1', body = chatBody({ max_tokens: 3 })) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer hunter2',
        'user-agent': 'tester',
      },
      body,
    })
  return { simulator, lines, requests, ask, port }
}

describe('the request log', () => {
  it('has one line per request, with the routing facts and no secret', async (t) => {
    const { requests, ask, lines } = await logged(t)
    await (await ask()).text()
    await eventually(() => requests().length === 1)
    const [line] = requests()
    assert.equal(line?.endpoint, 'box')
    assert.equal(line?.model, 'm')
    assert.equal(line?.status, 200)
    assert.equal(line?.outcome, 'success')
    assert.equal(line?.attempts, 1)
    assert.equal(line?.output_tokens, 3)
    assert.equal(line?.input_tokens, 1)
    assert.equal(line?.routing_reason, 'model_found')
    assert.equal(line?.user_agent, 'tester')
    assert.equal(line?.path, '/v1/chat/completions?api_key=[redacted]&x=1')
    assert.ok(Number(line?.first_byte_ms) >= 0 && Number(line?.duration_ms) >= Number(line?.first_byte_ms))
    assert.ok(Number(line?.overhead_ms) >= 0 && Number(line?.upstream_ms) > 0)
    assert.ok(Number(line?.overhead_ms) + Number(line?.upstream_ms) <= Number(line?.first_byte_ms) + 0.02)
    assert.ok(typeof line?.request_id === 'string')
    assert.doesNotMatch(JSON.stringify(lines), /hunter2/)
  })

  it('has a line for rejections, failures and clients that leave', async (t) => {
    const { requests, ask, simulator, port } = await logged(t)
    await (await ask('/v1/chat/completions', chatBody({ model: 'nobody' }))).text()
    await eventually(() => requests().length === 1)
    assert.deepEqual(
      [requests()[0]?.outcome, requests()[0]?.level, requests()[0]?.error],
      ['rejection', 40, 'model_not_found'],
    )

    await simulator.control.setFault({ kind: 'reset_before_headers' })
    await (await ask()).text()
    await eventually(() => requests().length === 2)
    const failure = requests()[1]
    assert.deepEqual([failure?.outcome, failure?.level, failure?.status], ['failure', 50, 502])
    assert.deepEqual(failure?.failed_attempts, ['box: connection reset'])
    await simulator.control.clearFaults()

    await simulator.control.setFault({ kind: 'hang' })
    const client = await openSocket(port)
    const body = chatBody()
    client.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await eventually(() => simulator.control.counters().inFlight === 1)
    client.destroy()
    await eventually(() => requests().length === 3)
    assert.equal(requests()[2]?.outcome, 'client_closed')
    assert.equal(requests()[2]?.status, undefined)
  })

  it('logs polls at a lower level, and nothing if it is off', async (t) => {
    const { requests, port } = await logged(t)
    await fetch(`http://127.0.0.1:${port}/internal/status`)
    await eventually(() => requests().length === 1)
    assert.equal(requests()[0]?.level, 20)
    const off = await logged(t, { request_logging: false })
    await (await off.ask()).text()
    assert.equal(off.requests().length, 0)
  })
})
