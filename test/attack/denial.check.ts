import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { host } from './corpus/case.ts'
import { type Growing, growing } from './corpus/growing.ts'
import { startProcess } from './support/gateway-process.ts'
import { cpuTicks, residentBytes } from './support/readings.ts'
import { type Capture, startCapture } from './support/strict-capture.ts'

const mib = 1_048_576
const head = `POST /olla/proxy/t HTTP/1.1\r\n${host}Content-Type: application/octet-stream\r\n`
const health = `GET /internal/health HTTP/1.1\r\n${host}\r\n`

/** What a client sends first, and then again and again. */
const slow: Readonly<Record<string, readonly [string, string]>> = {
  nothing: ['', ''],
  'one byte': ['G', ''],
  'half a head': [head, ''],
  'a head in drips': [head, 'X: y\r\n'],
  'empty lines': ['\r\n', '\r\n'],
  'empty lines behind an answer': [health, '\r\n'],
  'empty lines behind two answers': [health + health, '\r\n'],
  'a body that does not come': [`${head}Content-Length: 100\r\n\r\n`, ''],
  'a body in drips': [`${head}Content-Length: 100000\r\n\r\n`, 'x'],
  'a body in drips, of GET': [`GET /olla/proxy/t HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\n`, 'x'],
  'a body in drips, for 404': [`POST /nothing HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\n`, 'x'],
  'chunks in drips': [`${head}Transfer-Encoding: chunked\r\n\r\n`, '1\r\nx\r\n'],
  'an extension in drips': [`${head}Transfer-Encoding: chunked\r\n\r\n1;a=`, 'x'],
  'a trailer in drips': [`${head}Transfer-Encoding: chunked\r\n\r\n0\r\n`, 'X: y\r\n'],
}

async function open(port: number, bytes: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}).resume()
  await once(socket, 'connect')
  if (bytes !== '') socket.write(bytes)
  return socket
}

async function isServing(url: string): Promise<boolean> {
  return (await fetch(`${url}/internal/health`, { signal: AbortSignal.timeout(20_000) })).ok
}

for (const kind of ['own', 'node']) {
  describe(`clients that hold the ${kind} server`, () => {
    it('lose their connections, whatever they send slowly', async (t) => {
      const capture = await startCapture(t)
      const server = `, http_server: ${kind}, read_header_timeout: 1s, read_timeout: 2s, idle_timeout: 3s`
      const { port, url } = await startProcess(t, capture.url, { server })
      const held: { what: string; drip: string; socket: Socket }[] = []
      for (const [what, [first, drip]] of Object.entries(slow))
        for (let count = 0; count < 5; count++) held.push({ what, drip, socket: await open(port, first) })
      // The limits are three seconds at most; a loaded machine is given ten times as long.
      const isOpen = ({ socket }: (typeof held)[number]) => !socket.closed
      for (let round = 0; round < 150 && held.some(isOpen); round++) {
        for (const { drip, socket } of held) if (drip !== '' && socket.writable) socket.write(drip)
        await delay(200)
      }
      assert.deepEqual(
        held.filter(isOpen).map(({ what }) => what),
        [],
      )
      assert.ok(await isServing(url))
    })

    it('get no memory for merely announced bytes', { skip: process.platform !== 'linux' }, async (t) => {
      const capture = await startCapture(t)
      const { port, url, child } = await startProcess(t, capture.url, { server: `, http_server: ${kind}` })
      const before = residentBytes(child.pid ?? 0)
      const sockets: Socket[] = []
      for (let count = 0; count < 300; count++)
        sockets.push(await open(port, `${head}Content-Length: 104857600\r\n\r\nx`))
      assert.ok(await isServing(url))
      const grown = residentBytes(child.pid ?? 0) - before
      for (const socket of sockets) socket.destroy()
      assert.ok(grown < 200 * mib, `${grown / mib} MiB for 300 bytes`)
    })
  })
}

interface Process {
  readonly url: string
  readonly pid: number
  readonly capture: Capture
}

/** Sends one body. @returns what it cost: ticks of the processor, and the bytes that the endpoint got */
async function costOf({ url, pid, capture }: Process, { path, body }: Growing, size: number) {
  const bytes = Buffer.from(body(size))
  capture.requests.clear()
  const before = cpuTicks(pid)
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: bytes })
  const answer = await response.text()
  const ticks = cpuTicks(pid) - before
  assert.ok(await isServing(url))
  assert.notEqual(response.status, 500, answer)
  const delivered = [...capture.requests.values()].flat().map((each) => Number(each.body?.split(':')[0] ?? 0))
  return { ticks, sent: bytes.length, delivered: Math.max(0, ...delivered), status: response.status }
}

describe('bodies designed to be expensive', { skip: process.platform !== 'linux' }, () => {
  it('cost in proportion to their size', async (t) => {
    const capture = await startCapture(t)
    const { url, child } = await startProcess(t, capture.url, {
      more: 'proxy: { circuit_breaker: { enabled: false } }',
    })
    const gateway = { url, pid: child.pid ?? 0, capture }
    for (const each of growing) {
      // The first of a kind compiles what it runs.
      await costOf(gateway, each, each.size >> 3)
      const one = await costOf(gateway, each, each.size)
      const two = await costOf(gateway, each, 2 * each.size)
      t.diagnostic(`${each.name}: ${JSON.stringify(one)} ${JSON.stringify(two)}`)
      for (const { sent, delivered } of [one, two])
        assert.ok(delivered <= 4 * sent + 65_536, `${each.name}: ${sent} bytes became ${delivered}`)
      // A tick is 10 ms: below thirty of them nothing can be told.
      if (two.ticks > 30)
        assert.ok(
          two.ticks < 3.2 * Math.max(10, one.ticks),
          `${each.name}: ${one.ticks} became ${two.ticks} ticks`,
        )
    }
  })
})
