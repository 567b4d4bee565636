// The cost of translation between the Anthropic API and chat completions over plain proxying on the same gateway:
// `npm run bench:translate`. CPU per request and per event of a stream, and the time to the first event.
//   --rounds N    default 5
import { mkdirSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gatewayConfig, originsOf, startGateway } from './gateway.ts'
import { type LoadGenerator, runLoad } from './load.ts'
import { startUpstream } from './processes.ts'
import { cpuMicros } from './sampling.ts'
import { chatBody, defaultModel } from './scenarios.ts'
import { median } from './statistics.ts'
import { formatNumber, formatRatio, renderTable } from './table.ts'
import type { Running } from './targets.ts'
import { progress, type Workbench, wholeNumber, withWorkbench } from './workbench.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })

interface Work {
  readonly title: string
  readonly bodyBytes: number
  /** Messages between which the text is divided, if it is not in one. */
  readonly messages?: number
  /** Events of the stream; 0 means a JSON answer. */
  readonly events: number
}

const shortStream: Work = { title: 'stream of 50 events, 1 KB body', bodyBytes: 1_000, events: 50 }
const longStream: Work = { title: 'stream of 250 events, 1 KB body', bodyBytes: 1_000, events: 250 }
const works: readonly Work[] = [
  { title: 'JSON answer, 1 KB body', bodyBytes: 1_000, events: 0 },
  { title: 'JSON answer, 100 KB body', bodyBytes: 100_000, events: 0 },
  { title: 'JSON answer, 100 KB body, 115 messages', bodyBytes: 100_000, messages: 115, events: 0 },
  shortStream,
  longStream,
]

/** Median microseconds of CPU per request. */
interface Cost {
  readonly plain: number
  readonly translated: number
}

const connections = 16
const firstEventRequests = 400

await withWorkbench(async (bench) => {
  const rounds = wholeNumber('--rounds', values.rounds)
  const costs = new Map<Work, Cost>()
  let firstEvent: Cost | undefined
  for (const work of works) {
    progress(work.title)
    const upstream = await startUpstream(bench.programs, bench.cores, bench.folder, { ports: 1 })
    const gateway = await startFor(bench, work, upstream.ports)
    costs.set(work, await measure(bench, work, gateway, rounds))
    if (work === shortStream) firstEvent = await timeToFirstEvent(gateway.port, work)
    await gateway.process?.stop()
    await upstream.process.stop()
  }
  report(costs, firstEvent)
})

/** The profile's chat path carries the upstream's query, since a translated request has none. */
async function startFor(bench: Workbench, work: Work, ports: readonly number[]): Promise<Running> {
  const profiles = join(bench.folder, `profiles-${work.events}`)
  mkdirSync(profiles, { recursive: true })
  const profile = { name: 'vllm', api: { openai_compatible: true, chat: { path: chatPath(work) } } }
  // JSON is YAML; it replaces the profile of this name.
  writeFileSync(join(profiles, 'vllm.yaml'), JSON.stringify(profile))
  const config = gatewayConfig({ origins: originsOf(ports.slice(0, 1)), engine: 'olla', threads: 1 })
  return startGateway({
    name: 'translate',
    folder: bench.folder,
    cores: bench.cores.one,
    config: { ...config, profiles: { directory: profiles } },
  })
}

function chatPath({ events }: Work): string {
  return events === 0 ? '/v1/chat/completions' : `/v1/chat/completions?events=${events}`
}

/** Measures both in alternation, each first in some rounds. */
async function measure(bench: Workbench, work: Work, gateway: Running, rounds: number): Promise<Cost> {
  const generator: LoadGenerator = { program: bench.programs.load, cores: bench.cores.load }
  const bodyFile = join(bench.folder, `${work.events}-${work.bodyBytes}.json`)
  // Both APIs accept it: the system message is inside `messages`.
  writeFileSync(bodyFile, bodyOf(work))
  const taken: Record<keyof Cost, number[]> = { plain: [], translated: [] }
  const kinds: readonly (keyof Cost)[] = ['plain', 'translated']
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < kinds.length; turn++) {
      const kind = kinds[(round + turn) % kinds.length] ?? 'plain'
      const path = kind === 'plain' ? chatPath(work) : '/v1/messages'
      let before = 0
      const { answers, badStatuses, broken } = await runLoad(
        generator,
        {
          port: gateway.port,
          path,
          bodyFile,
          connections,
          milliseconds: 1_000,
          warmupMs: round === 0 ? 2_000 : 150,
          warmupAnswers: 2_000,
        },
        () => {
          before = cpuMicros(gateway.process?.pid ?? 0)
        },
      )
      if (answers === 0 || badStatuses + broken > 0)
        throw new Error(`${work.title}, ${kind}: no good answers`)
      taken[kind].push((cpuMicros(gateway.process?.pid ?? 0) - before) / answers)
    }
  }
  return { plain: median(taken.plain), translated: median(taken.translated) }
}

function bodyOf({ bodyBytes, messages, events }: Work): string {
  const body = chatBody(bodyBytes, events > 0)
  if (messages === undefined) return body
  const { messages: written, ...rest }: { messages: { role: string; content: string }[] } = JSON.parse(body)
  const [system, { content } = { content: '' }] = written
  const length = Math.ceil(content.length / messages)
  const parts = Array.from({ length: messages }, (_, at) => ({
    role: at % 2 === 0 ? 'user' : 'assistant',
    content: content.slice(at * length, (at + 1) * length).trim(),
  }))
  return JSON.stringify({ ...rest, messages: [system, ...parts] })
}

/** Milliseconds from the request to the first byte of the stream, one request at a time. */
async function timeToFirstEvent(port: number, work: Work): Promise<Cost> {
  const body = chatBody(work.bodyBytes, true)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const taken: Record<keyof Cost, number[]> = { plain: [], translated: [] }
  for (let turn = 0; turn < firstEventRequests; turn++) {
    taken.plain.push(await firstByteMs(agent, port, chatPath(work), body))
    taken.translated.push(await firstByteMs(agent, port, '/v1/messages', body))
  }
  agent.destroy()
  return { plain: median(taken.plain), translated: median(taken.translated) }
}

function firstByteMs(agent: Agent, port: number, path: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now()
    let tookMs: number | undefined
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const sent = request({ agent, port, path, method: 'POST', headers }, (response) => {
      response.on('data', () => {
        tookMs ??= performance.now() - startedMs
      })
      response.on('end', () => resolve(tookMs ?? Number.NaN))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function report(costs: ReadonlyMap<Work, Cost>, firstEvent: Cost | undefined): void {
  const rows = [...costs].map(([{ title }, { plain, translated }]) => [
    title,
    formatNumber(plain),
    formatNumber(translated),
    formatRatio(translated / plain),
  ])
  console.log(`Model: ${defaultModel}, ${connections} connections, median of ${values.rounds} rounds\n`)
  console.log(renderTable(['CPU µs per request', 'plain', 'translated', 'ratio'], rows))
  const short = costs.get(shortStream)
  const long = costs.get(longStream)
  if (short !== undefined && long !== undefined) {
    const perEvent = (kind: keyof Cost) =>
      (long[kind] - short[kind]) / (longStream.events - shortStream.events)
    console.log(
      `\nCPU per event: plain ${perEvent('plain').toFixed(2)} µs, translated ${perEvent('translated').toFixed(2)} µs`,
    )
  }
  if (firstEvent !== undefined) {
    const { plain, translated } = firstEvent
    console.log(
      `First event, p50: plain ${plain.toFixed(3)} ms, translated ${translated.toFixed(3)} ms, added ${(translated - plain).toFixed(3)} ms`,
    )
  }
}
