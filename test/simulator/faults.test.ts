import assert from 'node:assert/strict'
import { once } from 'node:events'
import { suite, type TestContext, test } from 'node:test'
import type { SimulatorOptions } from '../../simulator/model.ts'
import type { Simulator } from '../../simulator/server.ts'
import { exchangeRaw, openRaw, rawPost } from '../support/raw-client.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

const model = 'llama3.2:3b'
const chatPath = '/v1/chat/completions'

function body(extra: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...extra })
}

function box(t: TestContext, options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  return withSimulator(t, { kind: 'vllm', models: [model], ...options })
}

function chat({ url }: Simulator, extra: Readonly<Record<string, unknown>> = {}): Promise<Response> {
  return fetch(`${url}${chatPath}`, { method: 'POST', body: body(extra) })
}

suite('a simulator with a fault', () => {
  test('refuses connections, including open ones, until the fault is cleared', async (t) => {
    const simulator = await box(t, { tokensPerSecond: 10 })
    const streaming = await openRaw(
      simulator.port,
      rawPost(chatPath, body({ stream: true, max_tokens: 500 })),
    )
    await once(streaming, 'data')
    const ended = once(streaming, 'close')
    await simulator.control.setFault({ kind: 'refuse' })
    await ended
    assert.equal((await exchangeRaw(simulator.port, 'GET / HTTP/1.1\r\n\r\n')).ending, 'ECONNREFUSED')
    assert.equal(simulator.control.counters().openSockets, 0)
    assert.equal(simulator.control.counters().aborts, 0)
    await simulator.control.clearFaults()
    assert.equal((await fetch(`${simulator.url}/health`)).status, 200)
  })

  test('refuses connections for a limited time', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'refuse', forMs: 30 })
    assert.equal((await exchangeRaw(simulator.port, 'GET / HTTP/1.1\r\n\r\n')).ending, 'ECONNREFUSED')
    await eventually(async () => (await fetch(`${simulator.url}/health`).catch(() => undefined))?.ok === true)
    assert.deepEqual(simulator.control.faults(), [])
  })

  test('hangs: accepts the request and sends no answer', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'hang' })
    const socket = await openRaw(simulator.port, rawPost(chatPath, body()))
    let received = 0
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    await eventually(() => simulator.control.requests()[0]?.body.toString() === body())
    // The health route answers meanwhile, so the simulator has had its turns.
    for (let turn = 0; turn < 3; turn++) assert.ok((await fetch(`${simulator.url}/health`)).ok)
    assert.equal(received, 0)
    assert.equal(simulator.control.counters().inFlight, 1)
    socket.destroy()
    await eventually(() => simulator.control.counters().inFlight === 0)
    assert.equal(simulator.control.counters().aborts, 1)
  })

  test('delays the first byte', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'delay', delayMs: 80 })
    const startedMs = performance.now()
    const response = await chat(simulator)
    assert.equal(response.status, 200)
    assert.ok(performance.now() - startedMs >= 75)
    await response.text()
  })

  test('sends byte by byte', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'drip', delayMs: 1 })
    const { text } = await exchangeRaw(
      simulator.port,
      rawPost(chatPath, body({ stream: true, max_tokens: 1 })),
    )
    const chunks = text.slice(text.indexOf('\r\n\r\n') + 4).split('\r\n')
    const sizes = chunks.filter((_, index) => index % 2 === 0 && index < chunks.length - 3)
    assert.ok(sizes.length > 100)
    // Node 26 joins the writes of one turn: after a pause of this process there may be several.
    assert.ok(sizes.filter((size) => size === '1').length > sizes.length / 2)
    const response = await chat(simulator, { max_tokens: 1 })
    assert.equal(JSON.parse(await response.text()).choices[0].message.content, '[vllm]')
  })

  test('resets the connection before the head', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'reset_before_headers' })
    const answer = await exchangeRaw(simulator.port, rawPost(chatPath, body()))
    assert.deepEqual(answer, { text: '', ending: 'ECONNRESET' })
    assert.equal(simulator.control.counters().aborts, 0)
  })

  test('closes the connection before the head', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'close_before_headers' })
    const answer = await exchangeRaw(simulator.port, rawPost(chatPath, body()))
    assert.deepEqual(answer, { text: '', ending: 'end' })
  })

  for (const stream of [true, false]) {
    test(`resets the connection after the head of a ${stream ? 'stream' : 'body'}`, async (t) => {
      const simulator = await box(t)
      await simulator.control.setFault({ kind: 'reset_after_headers' })
      const { text, ending } = await exchangeRaw(simulator.port, rawPost(chatPath, body({ stream })))
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
      assert.ok(text.endsWith('\r\n\r\n'))
      assert.equal(ending, 'ECONNRESET')
    })
  }

  test('closes the connection after a number of chunks', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'die', chunks: 3 })
    const { text, ending } = await exchangeRaw(simulator.port, rawPost(chatPath, body({ stream: true })))
    assert.equal(text.match(/^data: /gm)?.length, 3)
    assert.ok(text.includes('[vllm]') && text.includes(' the') && !text.includes(' quick'))
    assert.equal(ending, 'end')
    const { aborts, generationsStarted, generationsFinished } = simulator.control.counters()
    assert.deepEqual([aborts, generationsStarted, generationsFinished], [0, 1, 0])
  })

  test('closes the connection in the middle of a body', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'die' })
    const { text } = await exchangeRaw(simulator.port, rawPost(chatPath, body()))
    const promised = Number(/content-length: (\d+)/i.exec(text)?.[1])
    const sent = text.slice(text.indexOf('\r\n\r\n') + 4).length
    assert.equal(sent, Math.ceil(promised / 2))
  })

  test('truncates: a body shorter than its Content-Length, with complete JSON', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'truncate' })
    const { text, ending } = await exchangeRaw(simulator.port, rawPost(chatPath, body()))
    const promised = Number(/content-length: (\d+)/i.exec(text)?.[1])
    const sent = text.slice(text.indexOf('\r\n\r\n') + 4)
    assert.equal(JSON.parse(sent).choices[0].finish_reason, 'stop')
    assert.ok(sent.length < promised)
    assert.equal(ending, 'end')
  })

  test('truncates: a stream without the last chunk, with complete text', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'truncate' })
    const { text } = await exchangeRaw(simulator.port, rawPost(chatPath, body({ stream: true })))
    assert.ok(text.includes('data: [DONE]'))
    assert.ok(!text.endsWith('0\r\n\r\n'))
    await assert.rejects(async () => (await chat(simulator, { stream: true })).text())
  })

  test('answers with any status, a body and Retry-After', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({
      kind: 'status',
      status: 429,
      body: 'slow down',
      retryAfter: 7,
      headers: { 'Content-Type': 'text/plain', 'X-Extra': 'yes' },
    })
    const response = await chat(simulator)
    assert.equal(response.status, 429)
    assert.equal(response.headers.get('retry-after'), '7')
    assert.equal(response.headers.get('content-type'), 'text/plain')
    assert.equal(response.headers.get('x-extra'), 'yes')
    assert.equal(await response.text(), 'slow down')
    assert.equal(simulator.control.counters().generationsStarted, 0)
  })

  test('fails its health route only', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'health', status: 500 })
    assert.equal((await fetch(`${simulator.url}/health`)).status, 500)
    assert.equal((await fetch(`${simulator.url}/v1/models`)).status, 200)
    assert.equal((await chat(simulator)).status, 200)
  })

  test('answers with invalid JSON, streamed or not', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'malformed', path: '/' })
    const list = await fetch(`${simulator.url}/v1/models`)
    assert.equal(list.status, 200)
    await assert.rejects(list.json(), SyntaxError)
    const events = (await (await chat(simulator, { stream: true })).text()).split('\n\n')
    const first = events[0]?.replace('data: ', '') ?? ''
    assert.ok(first.startsWith('{'))
    assert.throws(() => JSON.parse(first), SyntaxError)
  })

  test('reads the body slowly, so that the sender has to wait', async (t) => {
    const simulator = await box(t)
    await simulator.control.setFault({ kind: 'slow_reader', delayMs: 100 })
    const size = 32 * 1024 * 1024
    const socket = await openRaw(
      simulator.port,
      `POST /echo/upload HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`,
    )
    const isTaken = socket.write(Buffer.alloc(size))
    assert.equal(isTaken, false)
    await eventually(() => simulator.control.counters().receivedBytes > 0)
    assert.ok(simulator.control.counters().receivedBytes < size / 2)
    assert.ok(socket.writableLength > 0)
    socket.destroy()
  })
})

suite('faults over HTTP', () => {
  test('lists and clears faults', async (t) => {
    const simulator = await box(t)
    const faults = `${simulator.url}/__simulator/faults`
    const set = await fetch(faults, { method: 'POST', body: '{"kind":"status","status":503,"times":2}' })
    assert.equal(set.status, 200)
    assert.deepEqual(await (await fetch(faults)).json(), {
      faults: [{ kind: 'status', status: 503, times: 2 }],
    })
    const statuses = []
    for (let request = 0; request < 3; request++) statuses.push((await chat(simulator)).status)
    assert.deepEqual(statuses, [503, 503, 200])
    await fetch(faults, { method: 'POST', body: '{"kind":"status"}' })
    await fetch(faults, { method: 'DELETE' })
    assert.equal((await chat(simulator)).status, 200)
    assert.deepEqual(simulator.control.counters().faults, { status: 2 })
  })

  test('announces and ends refusals', async (t) => {
    const simulator = await box(t)
    const response = await fetch(`${simulator.url}/__simulator/faults`, {
      method: 'POST',
      body: '{"kind":"refuse","forMs":50}',
    })
    assert.deepEqual(await response.json(), { faults: [{ kind: 'refuse', forMs: 50 }] })
    await eventually(
      async () => (await exchangeRaw(simulator.port, 'GET / HTTP/1.1\r\n\r\n')).ending === 'ECONNREFUSED',
    )
    await eventually(async () => (await fetch(`${simulator.url}/health`).catch(() => undefined))?.ok === true)
  })

  for (const [wrong, why] of [
    ['{', 'not valid JSON'],
    ['[]', 'not a JSON object'],
    ['{}', 'needs a "kind"'],
    ['{"kind":"toString"}', 'needs a "kind"'],
    ['{"kind":"die","chunks":"many"}', '/chunks'],
    ['{"kind":"hang","delayMs":5}', '/delayMs'],
    ['{"kind":"status","status":99}', '/status'],
  ] as const) {
    test(`rejects an invalid fault: ${wrong}`, async (t) => {
      const simulator = await box(t)
      const response = await fetch(`${simulator.url}/__simulator/faults`, { method: 'POST', body: wrong })
      assert.equal(response.status, 400)
      assert.ok((await response.text()).includes(why.replaceAll('"', '\\"')))
      assert.deepEqual(simulator.control.faults(), [])
    })
  }
})
