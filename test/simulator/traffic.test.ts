import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import { exchangeRaw, openRaw, rawPost } from '../support/raw-client.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

const model = 'llama3.2:3b'
const request = (extra: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...extra })

suite('what a simulator has seen', () => {
  test('counts clients that disconnect in the middle of a stream', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model], tokensPerSecond: 50 })
    const { control, port } = simulator
    const body = request({ stream: true, max_tokens: 5000 })
    const sockets = await Promise.all(
      Array.from({ length: 20 }, () => openRaw(port, rawPost('/v1/chat/completions', body))),
    )
    await Promise.all(sockets.map((socket) => once(socket, 'data')))
    const during = control.counters()
    assert.deepEqual([during.inFlight, during.openSockets, during.generationsStarted], [20, 20, 20])
    for (const socket of sockets) socket.destroy()
    await eventually(() => control.counters().openSockets === 0)
    const after = control.counters()
    assert.deepEqual(
      [after.aborts, after.inFlight, after.generationsStarted, after.generationsFinished],
      [20, 0, 20, 0],
    )
  })

  test('counts clients that disconnect before the first byte and during the upload', async (t) => {
    const simulator = await withSimulator(t, {
      kind: 'vllm',
      models: [model],
      timeToFirstTokenMs: 60_000,
    })
    const { control, port } = simulator
    const waiting = await openRaw(port, rawPost('/v1/chat/completions', request()))
    await eventually(() => control.counters().generationsStarted === 1)
    waiting.destroy()
    await eventually(() => control.counters().aborts === 1)
    const sending = await openRaw(port, rawPost('/v1/chat/completions', request()).slice(0, -5))
    await eventually(() => control.counters().receivedBytes > request().length)
    sending.destroy()
    await eventually(() => control.counters().aborts === 2)
    assert.deepEqual([control.counters().inFlight, control.counters().generationsFinished], [0, 0])
  })

  test('counts no abort for a complete answer', async (t) => {
    const { control, port } = await withSimulator(t, { kind: 'ollama', models: [model] })
    for (const stream of [true, false]) {
      const { text } = await exchangeRaw(port, rawPost('/api/chat', request({ stream })))
      assert.match(text, /"done":true/)
    }
    await eventually(() => control.counters().inFlight === 0)
    const { aborts, requests, byPath, generationsFinished, receivedBytes } = control.counters()
    assert.deepEqual(
      { aborts, requests, byPath, generationsFinished },
      {
        aborts: 0,
        requests: 2,
        byPath: { '/api/chat': 2 },
        generationsFinished: 2,
      },
    )
    assert.equal(receivedBytes, request({ stream: true }).length + request({ stream: false }).length)
  })

  test('keeps the last 100 requests in order', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    for (let number = 0; number < 103; number++) {
      await (await fetch(`${simulator.url}/echo/${number}?q=${number}`)).text()
    }
    const kept = simulator.control.requests()
    assert.equal(kept.length, 100)
    assert.equal(kept[0]?.url, '/echo/3?q=3')
    const text =
      'PUT /echo/x HTTP/1.1\r\nHost: x\r\nX-oDD-Case: A\r\nX-oDD-Case: B\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc'
    const echoed = await exchangeRaw(simulator.port, text)
    const sha256 = createHash('sha256').update('abc').digest('hex')
    const rawHeaders = ['Host', 'x', 'X-oDD-Case', 'A', 'X-oDD-Case', 'B', 'Content-Length', '3']
    rawHeaders.push('Connection', 'close')
    assert.deepEqual(JSON.parse(echoed.text.slice(echoed.text.indexOf('\r\n\r\n'))), {
      name: 'vllm',
      method: 'PUT',
      url: '/echo/x',
      rawHeaders,
      bytes: 3,
      sha256,
      body: Buffer.from('abc').toString('base64'),
    })
    const told = JSON.parse(await (await fetch(`${simulator.url}/__simulator/requests`)).text())
    assert.deepEqual(told.at(-1), {
      method: 'PUT',
      url: '/echo/x',
      rawHeaders,
      bodyBytes: 3,
      bodySha256: sha256,
    })
  })

  test('is available over HTTP, and does not count its own routes', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    await simulator.control.setFault({ kind: 'hang', path: '/' })
    const read = async (path: string) =>
      JSON.parse(await (await fetch(`${simulator.url}/__simulator${path}`)).text())
    const help = await read('')
    assert.equal(help.kind, 'vllm')
    assert.ok(help.faultKinds.die.chunks.includes('stream'))
    assert.equal((await read('/counters')).requests, 0)
    assert.match((await read('/nothing')).error, /no such route/)
  })

  test('closes all connections at once', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model], tokensPerSecond: 10 })
    const socket = await openRaw(
      simulator.port,
      rawPost('/v1/chat/completions', request({ stream: true, max_tokens: 5000 })),
    )
    await once(socket, 'data')
    const closed = once(socket, 'close')
    await simulator.close()
    await closed
    assert.equal(simulator.control.counters().openSockets, 0)
    assert.equal(simulator.control.counters().aborts, 0)
    await simulator.close()
  })
})
