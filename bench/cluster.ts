// What shared state costs: `npm run bench:cluster [seconds]`, with `redis-server` installed. Gateways as processes, with
// and without `cluster.redis`, take turns; CPU by the scheduler's count, latency of single requests, calls per request.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { configHash, KeyHasher } from '../src/callers/keys/key-hasher.ts'
import { createKey } from '../src/callers/keys/key-text.ts'

const seconds = Number(process.argv[2] ?? 30)
const perSlice = 400
const clients = 16
const secret = 'secret of the benchmark'.padEnd(32, '.')
const command = fileURLToPath(new URL('../bin/olla-gateway.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'olla-bench-cluster-'))
const children: ChildProcess[] = []

async function startRedis(): Promise<string> {
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder]
  children.push(spawn('redis-server', options, { stdio: 'ignore' }))
  await wait(500)
  return `redis://127.0.0.1:${port}`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

const answer = JSON.stringify({
  object: 'chat.completion',
  choices: [{ message: { content: 'x'.repeat(600) } }],
  usage: { prompt_tokens: 200, completion_tokens: 100, total_tokens: 300 },
})

async function startEndpoint(): Promise<string> {
  const server = createServer((incoming, response) => {
    response.setHeader('content-type', 'application/json')
    if (incoming.method === 'GET') response.end('{"object":"list","data":[{"id":"m"}]}')
    else incoming.resume().on('end', () => response.end(answer))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Gateway {
  readonly name: string
  readonly port: number
  readonly pid: number
  readonly agent: Agent
  readonly cpuUs: number[]
  readonly latencyMs: number[]
}

async function startGateway(name: string, config: Record<string, unknown>): Promise<Gateway> {
  const port = await freePort()
  const file = join(folder, `${port}.yaml`)
  writeFileSync(file, JSON.stringify({ ...config, server: { ...server, port } }))
  const child = spawn(process.execPath, [command, '-c', file], { cwd: folder, stdio: 'ignore' })
  children.push(child)
  const gateway = {
    name,
    port,
    pid: child.pid ?? 0,
    agent: new Agent({ keepAlive: true, maxSockets: clients }),
    cpuUs: [],
    latencyMs: [],
  }
  for (let tries = 0; tries < 300; tries++) {
    if ((await chat(gateway).catch(() => 0)) === 200) return gateway
    await wait(100)
  }
  throw new Error(`${name} does not serve`)
}

const server = {
  host: '127.0.0.1',
  rate_limits: { per_ip_requests_per_minute: 0, global_requests_per_minute: 0 },
}
const key = createKey()
const body = JSON.stringify({
  model: 'm',
  max_tokens: 200,
  messages: [{ role: 'user', content: 'y'.repeat(900) }],
})

function chat({ port, agent }: Pick<Gateway, 'port' | 'agent'>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, agent, method: 'POST', path: '/v1/chat/completions' },
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      },
      (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0)),
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

function cpuOf({ pid }: Gateway): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const spent = tasks.map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  )
  return spent.reduce((sum, each) => sum + each, 0) / 1_000
}

async function slice(gateway: Gateway): Promise<void> {
  const before = cpuOf(gateway)
  let left = perSlice
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left-- > 0) {
        const status = await chat(gateway)
        if (status !== 200) throw new Error(`${gateway.name}: ${status}`)
      }
    }),
  )
  gateway.cpuUs.push((cpuOf(gateway) - before) / perSlice)
  for (let each = 0; each < 30; each++) {
    const begun = performance.now()
    await chat(gateway)
    gateway.latencyMs.push(performance.now() - begun)
  }
}

async function callsOf({ port }: Gateway): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/internal/cluster`)
  return Number(((await response.json()) as { calls?: number }).calls ?? 0)
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

try {
  const redis = await startRedis()
  const url = await startEndpoint()
  const endpoint = { url, name: 'e', type: 'openai-compatible', max_concurrent: 64 }
  const discovery = { static: { endpoints: [endpoint] } }
  const hash = configHash(new KeyHasher(secret).hash(key))
  const limits = {
    requests_per_minute: 10 ** 9,
    max_concurrent: 10 ** 6,
    tokens_per_minute: { total: 10 ** 11 },
    budgets: [{ amount: 10 ** 11, unit: 'tokens', period: 'day' }],
  }
  const withKeys = { callers: { secret, keys: [{ name: 'bench', hash, limits }] } }
  const cluster = (prefix: string) => ({ cluster: { redis, key_prefix: prefix } })
  const gateways = [
    await startGateway('alone', { discovery }),
    await startGateway('shared', { discovery, ...cluster('a') }),
    await startGateway('alone, limits', { discovery, ...withKeys }),
    await startGateway('shared, limits', { discovery, ...withKeys, ...cluster('b') }),
  ]
  for (let round = 0; round < 5; round++) for (const gateway of gateways) await slice(gateway)
  for (const gateway of gateways) {
    gateway.cpuUs.length = 0
    gateway.latencyMs.length = 0
  }
  const calls = await Promise.all(gateways.map((gateway) => callsOf(gateway).catch(() => 0)))
  const endMs = performance.now() + seconds * 1_000
  while (performance.now() < endMs) for (const gateway of gateways) await slice(gateway)
  for (const [index, gateway] of gateways.entries()) {
    const { name, cpuUs, latencyMs } = gateway
    const made = (await callsOf(gateway).catch(() => 0)) - (calls[index] ?? 0)
    const perRequest = made / (cpuUs.length * (perSlice + 30))
    const times = [0.5, 0.99].map((share) => quantile(latencyMs, share).toFixed(2)).join(' / ')
    console.log(
      `${name.padEnd(16)} ${quantile(cpuUs, 0.5).toFixed(1)} µs CPU a chat, p50 / p99 ${times} ms, ${perRequest.toFixed(3)} calls a request`,
    )
  }
  for (const [alone, shared] of [gateways.slice(0, 2), gateways.slice(2)]) {
    const ratios = (alone?.cpuUs ?? []).map((each, at) => (shared?.cpuUs[at] ?? 0) / each)
    console.log(
      `${shared?.name} over ${alone?.name}: ${quantile(ratios, 0.5).toFixed(3)} (median of ${ratios.length} pairs)`,
    )
  }
} finally {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)
