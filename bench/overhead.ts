// What the gateway adds to a direct call, for both engines, in one interleaved run: `npm run bench`.
// Loopback only; bounded in requests and time. CPU is read from /proc, so it needs Linux.
import { type ChildProcess, spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'

const rounds = 3
const requests = 4_000
const connections = 16
const latencyRequests = 500
const ticksPerSecond = 100

const command = fileURLToPath(new URL('../bin/olla-gateway.js', import.meta.url))
const model = 'llama3.2:3b'
const prompt = 'word '.repeat(180)
const body = JSON.stringify({ model, max_tokens: 32, messages: [{ role: 'user', content: prompt }] })
const streamBody = JSON.stringify({
  model,
  stream: true,
  max_tokens: 50,
  messages: [{ role: 'user', content: 'hi' }],
})

interface Target {
  readonly name: string
  readonly url: string
  readonly child: ChildProcess
}

interface Figures {
  cpuMicros: number[]
  perSecond: number[]
  p50Micros: number[]
  p99Micros: number[]
  streamCpuMicros: number[]
}

/** Output goes to a file: reading a pipe full of log lines would cost the load generator time. */
async function start(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Target> {
  const output = join(folder, `${name}.log`)
  const file = openSync(output, 'w')
  const child = spawn(process.execPath, [command, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', file, 'inherit'],
  })
  const deadlineMs = performance.now() + 20_000
  for (;;) {
    const url = /listening on (http:\S+)/.exec(readFileSync(output, 'utf8'))?.[1]
    if (url !== undefined) return { name, url, child }
    if (performance.now() > deadlineMs) throw new Error(`${name} did not start`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** User and system time of a process so far, in microseconds. */
function cpuMicros({ child }: Target): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond
}

function residentMegabytes({ child }: Target): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) / 1024
}

async function ask(pool: Pool, text: string): Promise<void> {
  const response = await pool.request({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json' },
    body: text,
  })
  await response.body.arrayBuffer()
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
}

async function load(pool: Pool, text: string, count: number, parallel: number): Promise<void> {
  let left = count
  const worker = async () => {
    while (left-- > 0) await ask(pool, text)
  }
  await Promise.all(Array.from({ length: parallel }, worker))
}

async function measure(target: Target, figures: Figures): Promise<void> {
  const pool = new Pool(target.url, { connections })
  await load(pool, body, 500, connections)
  const cpuBefore = cpuMicros(target)
  const startedMs = performance.now()
  await load(pool, body, requests, connections)
  figures.perSecond.push(requests / ((performance.now() - startedMs) / 1000))
  figures.cpuMicros.push((cpuMicros(target) - cpuBefore) / requests)

  const latencies: number[] = []
  for (let request = 0; request < latencyRequests; request++) {
    const sentMs = performance.now()
    await ask(pool, body)
    latencies.push((performance.now() - sentMs) * 1000)
  }
  latencies.sort((a, b) => a - b)
  figures.p50Micros.push(latencies[Math.floor(latencyRequests * 0.5)] ?? 0)
  figures.p99Micros.push(latencies[Math.floor(latencyRequests * 0.99)] ?? 0)

  const streamsBefore = cpuMicros(target)
  await load(pool, streamBody, 600, connections)
  figures.streamCpuMicros.push((cpuMicros(target) - streamsBefore) / 600)
  await pool.close()
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

const folder = await mkdtemp(join(tmpdir(), 'olla-bench-'))
const simulator = await start(
  'direct',
  ['simulator', '--kind', 'vllm', '--model', model, '--ttft', '0', '--tokens-per-second', '0'],
  {},
)
const config = join(folder, 'bench.yaml')
await writeFile(
  config,
  [
    'server:',
    '  host: 127.0.0.1',
    '  port: 0',
    '  rate_limits: { global_requests_per_minute: 100000000, per_ip_requests_per_minute: 100000000, burst_size: 10000000 }',
    `discovery: { static: { endpoints: [ { url: '${simulator.url}', name: box, type: vllm } ] } }`,
    'logging: { format: json }',
  ].join('\n'),
)
const gateways = await Promise.all(
  ['olla', 'sherpa'].map((engine) =>
    start(engine, ['-c', config], { OLLA_PROXY_ENGINE: engine, OLLA_LOGGING_FORMAT: 'json' }),
  ),
)
const targets = [simulator, ...gateways]
for (const { url } of gateways) {
  const deadlineMs = performance.now() + 10_000
  while ((await fetch(`${url}/internal/status/models`).then((r) => r.text())).includes('"total_models":0')) {
    if (performance.now() > deadlineMs) throw new Error('no models')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
const figures = new Map(
  targets.map(({ name }) => [
    name,
    { cpuMicros: [], perSecond: [], p50Micros: [], p99Micros: [], streamCpuMicros: [] } as Figures,
  ]),
)
for (let round = 0; round < rounds; round++) {
  for (const target of targets) {
    const own = figures.get(target.name)
    if (own !== undefined) await measure(target, own)
  }
}

const direct = figures.get('direct')
console.log(
  `chat JSON ${body.length} B, ${connections} connections, median of ${rounds} rounds of ${requests} requests`,
)
console.log(
  '| target | CPU µs/request | requests/s | p50 µs (1 conn.) | added p50 µs | p99 µs | CPU µs/stream of 50 | RSS MB |',
)
console.log('|---|---|---|---|---|---|---|---|')
for (const target of targets) {
  const own = figures.get(target.name)
  if (own === undefined || direct === undefined) continue
  const p50 = median(own.p50Micros)
  const cells = [
    target.name === 'direct' ? 'direct (the simulator itself)' : target.name,
    median(own.cpuMicros).toFixed(0),
    median(own.perSecond).toFixed(0),
    p50.toFixed(0),
    target.name === 'direct' ? '–' : (p50 - median(direct.p50Micros)).toFixed(0),
    median(own.p99Micros).toFixed(0),
    median(own.streamCpuMicros).toFixed(0),
    residentMegabytes(target).toFixed(0),
  ]
  console.log(`| ${cells.join(' | ')} |`)
}
const [olla, sherpa] = ['olla', 'sherpa'].map((name) => figures.get(name))
if (olla !== undefined && sherpa !== undefined && direct !== undefined) {
  const ratio = (pick: (f: Figures) => readonly number[], a: Figures, b: Figures) =>
    (median(pick(a)) / median(pick(b))).toFixed(2)
  console.log(
    `ratio sherpa/olla: CPU ${ratio((f) => f.cpuMicros, sherpa, olla)}, stream CPU ${ratio((f) => f.streamCpuMicros, sherpa, olla)}`,
  )
  console.log(
    `ratio to direct, p50 at one connection: olla ${ratio((f) => f.p50Micros, olla, direct)}, sherpa ${ratio((f) => f.p50Micros, sherpa, direct)}`,
  )
}
for (const { child } of targets) child.kill('SIGTERM')
