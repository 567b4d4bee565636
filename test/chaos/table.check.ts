import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { folder, listening, run } from '../support/command.ts'
import { eventually } from '../support/simulator.ts'
import { Clients, type Outcomes } from './clients.ts'
import { type Fault, faults } from './faults.ts'
import { type FaultyEndpoint, startFleet } from './fleet.ts'

const hook = new URL('./gateway-hook.mjs', import.meta.url).href
const clientCount = 16
const faultMs = Number(process.env.CHAOS_FAULT_MS ?? 1_000)
/** Faults come again for so long in each mode: `CHAOS_SOAK_MINUTES=30`. */
const soakMs = Number(process.env.CHAOS_SOAK_MINUTES ?? 0) * 60_000
/**
 * More than the threads and processes of a healthy endpoint are ever late on a busy machine: only the endpoint with the
 * fault exceeds it.
 */
const limit = '3s'

interface Mode {
  readonly engine: 'olla' | 'sherpa'
  readonly threads: number
}

/** `CHAOS_MODES=all` runs each engine with one thread and with two; by default each thread count once. */
const modes: readonly Mode[] =
  process.env.CHAOS_MODES === 'all'
    ? (['olla', 'sherpa'] as const).flatMap((engine) => [1, 2].map((threads) => ({ engine, threads })))
    : [
        { engine: 'olla', threads: 1 },
        { engine: 'sherpa', threads: 2 },
      ]

const config = ({ engine, threads }: Mode, endpoints: readonly FaultyEndpoint[]) => ({
  server: {
    host: '127.0.0.1',
    port: 0,
    threads,
    rate_limits: {
      global_requests_per_minute: 0,
      per_ip_requests_per_minute: 0,
      health_requests_per_minute: 0,
    },
  },
  proxy: {
    engine,
    response_header_timeout: limit,
    read_timeout: limit,
    connection_timeout: limit,
    circuit_breaker: { open_duration: '1s' },
  },
  discovery: {
    static: {
      endpoints: endpoints.map(({ host, url }) => ({
        name: host.split('.')[0],
        url,
        type: 'openai-compatible',
        health_check_url: '/health',
        check_interval: '2s',
        check_timeout: '1900ms',
      })),
    },
  },
  logging: { level: 'error' },
})

interface EndpointStatus {
  readonly name: string
  readonly status: string
}

async function json<Body>(url: string): Promise<Body> {
  return (await (await fetch(url)).json()) as Body
}

/** Whether all endpoints are routable. */
async function isWhole(url: string): Promise<boolean> {
  const { endpoints } = await json<{ endpoints: EndpointStatus[] }>(`${url}/internal/status/endpoints`)
  return endpoints.every(({ status }) => routable.includes(status))
}

const routable = ['healthy', 'busy', 'warming']

interface Row extends Outcomes {
  /** Requests that the endpoint saw during its fault. */
  readonly asked: number
  /** From the end of the fault until the endpoint has answered a request. */
  readonly recoveryMs: number
  readonly leftInFlight: number
  readonly leftOpen: number
}

async function suffer(
  url: string,
  fault: Fault,
  endpoints: readonly FaultyEndpoint[],
  gateway: ChildProcess,
): Promise<Row> {
  const [faulty] = endpoints
  assert.ok(faulty)
  await eventually(() => isWhole(url))
  const clients = new Clients(Number(new URL(url).port), clientCount)
  // The failures before are forgotten once it has its share of requests again.
  faulty.set('none')
  const hasItsShare = async () => (await faulty.counts()).served >= clientCount / 4
  await eventually(hasItsShare, { intervalMs: 20 })
  await fault.begin(faulty, gateway)
  await pause(faultMs)
  const asked = fault.isAsked ? await askedOf(fault, faulty) : 0
  await fault.end(faulty, gateway)
  faulty.set('none')
  const endedMs = performance.now()
  await eventually(async () => (await faulty.counts()).served > 0, { intervalMs: 20 })
  const recoveryMs = performance.now() - endedMs
  const outcomes = await clients.stop()
  // What is left shows in the table.
  await eventually(async () => (await inFlight(url)) === 0).catch(() => {})
  await eventually(async () => (await openAt(endpoints)) === 0).catch(() => {})
  return {
    ...outcomes,
    asked,
    recoveryMs,
    leftInFlight: await inFlight(url),
    leftOpen: await openAt(endpoints),
  }
}

/** Waits until the endpoint has been asked during its fault. @returns how often */
async function askedOf({ name }: Fault, faulty: FaultyEndpoint): Promise<number> {
  let asked = 0
  await eventually(
    async () => {
      asked = (await faulty.counts()).asked
      return asked > 0
    },
    { intervalMs: 20 },
  ).catch((cause) => assert.fail(`${name}: the endpoint was never asked: ${cause}`))
  return asked
}

async function openAt(endpoints: readonly FaultyEndpoint[]): Promise<number> {
  let open = 0
  for (const endpoint of endpoints) open += (await endpoint.counts()).open
  return open
}

async function inFlight(url: string): Promise<number> {
  const { requests } = await json<{ requests: unknown[] }>(`${url}/internal/inflight`)
  return requests.length
}

const head = [
  '| fault | asked | tries | failed | visible | looked complete | hung | left | back after |',
  '| --- | --: | --: | --: | --: | --: | --: | --: | --: |',
]

function cells({ name, isAsked }: Fault, row: Row): string {
  const { tries, failed, visible, looksComplete, hung, leftInFlight, leftOpen, recoveryMs } = row
  const counts = [tries, failed, visible, looksComplete, hung, leftInFlight + leftOpen]
  return `| ${name} | ${isAsked ? row.asked : '–'} | ${counts.join(' | ')} | ${Math.round(recoveryMs)} ms |`
}

async function resident(url: string): Promise<string> {
  const { memory } = await json<{ memory: { resident: string } }>(`${url}/internal/process`)
  return memory.resident
}

// Each mode has a gateway and endpoints of its own, which mostly wait: for the end of a fault, for a probe.
describe('a gateway of which one of four endpoints fails', { concurrency: modes.length }, () => {
  for (const mode of modes) {
    const title = `${mode.engine}, ${mode.threads === 1 ? 'one thread' : `${mode.threads} threads`}`
    it(`loses no request: ${title}`, async (t: TestContext) => {
      const cwd = await folder()
      const endpoints = await startFleet(t, cwd)
      await writeFile(`${cwd}/config.yaml`, JSON.stringify(config(mode, endpoints)))
      const gateway = run(t, ['-c', 'config.yaml'], {
        cwd,
        env: { NODE_OPTIONS: `--import=${hook}`, CHAOS_FOLDER: cwd },
      })
      const url = await listening(gateway)
      await eventually(async () => (await fetch(`${url}/internal/ready`)).status === 200)
      const rows: string[] = []
      const bad: string[] = []
      const endMs = performance.now() + soakMs
      do {
        for (const fault of faults) {
          const row = await suffer(url, fault, endpoints, gateway.child)
          rows.push(cells(fault, row))
          const wrong = row.failed + row.looksComplete + row.hung + row.leftInFlight + row.leftOpen
          if (wrong > 0) bad.push(`${rows.at(-1)}\n${row.failures.join('\n')}`)
        }
        rows.push(`resident after the round: ${await resident(url)}`)
      } while (performance.now() < endMs)
      console.log([`${mode.engine}, ${mode.threads} thread(s)`, ...head, ...rows].join('\n'))
      assert.deepEqual(bad, [])
      gateway.child.kill('SIGTERM')
      assert.equal(await gateway.exit, 0)
    })
  }
})
