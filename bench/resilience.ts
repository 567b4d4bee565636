// Kills endpoints and refuses connections under load, and prints the clients' results:
// `npm run bench:resilience`. Loopback only.
import { type AddressInfo, connect, type Socket } from 'node:net'
import Fastify from 'fastify'
import { startSimulator } from '../simulator/server.ts'
import { parseConfig } from '../src/config/load.ts'
import gateway from '../src/gateway.ts'

const streams = 200
const leavers = 2_000
const model = 'llama3.2:3b'

const body = JSON.stringify({
  model,
  stream: true,
  max_tokens: 60,
  messages: [{ role: 'user', content: 'hello' }],
})
const request = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`

interface Outcome {
  readonly status: number
  readonly endpoint: string
  readonly complete: boolean
  readonly errorEvent: boolean
}

function ask(port: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('connect', () => socket.write(request))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () =>
      resolve({
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0),
        endpoint: /^x-olla-endpoint: (.*)\r$/im.exec(text)?.[1] ?? '',
        complete: text.endsWith('0\r\n\r\n') && text.includes('data: [DONE]'),
        errorEvent: text.includes('"error":'),
      }),
    )
  })
}

async function leave(port: number): Promise<void> {
  const socket: Socket = connect(port, '127.0.0.1')
  await new Promise<void>((resolve) => {
    socket.on('connect', () => socket.write(request))
    socket.once('data', () => {
      socket.destroy()
      resolve()
    })
    socket.on('error', () => resolve())
  })
}

async function until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!condition() && performance.now() < deadlineMs)
    await new Promise((resolve) => setTimeout(resolve, 20))
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

const simulators = await Promise.all(
  ['one', 'two', 'three', 'four'].map((name) =>
    startSimulator({ kind: 'vllm', name, models: [model], tokensPerSecond: 60, timeToFirstTokenMs: 100 }),
  ),
)
const config = parseConfig({
  server: {
    rate_limits: {
      global_requests_per_minute: 0,
      per_ip_requests_per_minute: 0,
      health_requests_per_minute: 0,
    },
    request_logging: false,
  },
  discovery: {
    static: {
      endpoints: simulators.map(({ name, url }) => ({
        name,
        url,
        type: 'vllm',
        check_interval: '1s',
        check_timeout: '500ms',
      })),
    },
  },
  proxy: { engine: process.argv[2] === 'sherpa' ? 'sherpa' : 'olla' },
})
const app = Fastify()
await app.register(gateway, { config })
await app.listen({ host: '127.0.0.1', port: 0 })
const { port } = app.server.address() as AddressInfo
await new Promise((resolve) => setTimeout(resolve, 500))

// 200 streams; a quarter of the way in one endpoint dies and another answers 503.
const [first, second] = simulators
const early = Array.from({ length: streams / 2 }, () => ask(port))
await new Promise((resolve) => setTimeout(resolve, 400))
const startedOnDead = first?.control.counters().inFlight ?? 0
await second?.control.setFault({ kind: 'status', status: 503 })
const late = Array.from({ length: streams / 2 }, () => ask(port))
await new Promise((resolve) => setImmediate(resolve))
await first?.control.setFault({ kind: 'refuse' })
const outcomes = await Promise.all([...early, ...late])
const failedBeforeFirstByte = outcomes.filter(({ status }) => status !== 200).length
const broken = outcomes.filter(({ status, complete }) => status === 200 && !complete)
console.log(
  `engine ${config.proxy.engine}: ${streams} streams over 4 endpoints, one killed, one answering 503`,
)
console.log(`  complete: ${outcomes.filter(({ complete }) => complete).length}`)
console.log(`  failed before a byte was sent: ${failedBeforeFirstByte} (must be 0)`)
console.log(`  streams under way on the killed endpoint: ${startedOnDead}`)
console.log(
  `  ended visibly: ${broken.length}, of which with an error event: ${broken.filter(({ errorEvent }) => errorEvent).length}`,
)
console.log(
  `  that looked complete but were not: ${outcomes.filter(({ complete, errorEvent }) => complete && errorEvent).length}`,
)

// 2,000 clients that leave mid-stream.
await first?.control.clearFaults()
await second?.control.clearFaults()
await new Promise((resolve) => setTimeout(resolve, 2_000))
for (let warm = 0; warm < 200; warm += 50) await Promise.all(Array.from({ length: 50 }, () => leave(port)))
await until(() => simulators.every(({ control }) => control.counters().inFlight === 0))
globalThis.gc?.()
const heapBefore = process.memoryUsage().heapUsed
const abortsBefore = simulators.reduce((sum, { control }) => sum + control.counters().aborts, 0)
for (let left = 0; left < leavers; left += 100)
  await Promise.all(Array.from({ length: 100 }, () => leave(port)))
await until(() => simulators.every(({ control }) => control.counters().inFlight === 0))
await new Promise((resolve) => setTimeout(resolve, 300))
globalThis.gc?.()
const heapAfter = process.memoryUsage().heapUsed
const aborts = simulators.reduce((sum, { control }) => sum + control.counters().aborts, 0) - abortsBefore
const rows = (await (await fetch(`http://127.0.0.1:${port}/internal/status/endpoints`)).json()) as {
  endpoints: { in_flight: number }[]
}
const busySockets = simulators.reduce((sum, { control }) => sum + control.counters().inFlight, 0)
console.log(`${leavers} clients that leave mid-stream`)
console.log(`  aborts that the endpoints saw: ${aborts}`)
console.log(
  `  in flight afterwards: gateway ${rows.endpoints.reduce((sum, row) => sum + row.in_flight, 0)}, endpoints ${busySockets} (must be 0)`,
)
console.log(
  `  upstream sockets with a request: ${busySockets}; idle keep-alive sockets: ${simulators.reduce((sum, { control }) => sum + control.counters().openSockets, 0)}`,
)
console.log(`  heap: ${megabytes(heapBefore)} before, ${megabytes(heapAfter)} after`)

await app.close()
await Promise.all(simulators.map((simulator) => simulator.close()))
