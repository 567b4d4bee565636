/**
 * What a process keeps over many reloads under load: no class and no function may have more instances the more reloads
 * there were, on any thread. `RELOADS=1000` is the default.
 */
import assert from 'node:assert/strict'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { folder, listening, run } from '../support/command.ts'
import { postChat } from '../support/gateway.ts'
import { grown, type HeapCounts, heapCounts } from '../support/heap-counts.ts'
import { eventually as eventuallyIn, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const reloads = Number(process.env.RELOADS ?? 1_000)
const { RELOAD_ENGINE: onlyEngine, RELOAD_THREADS: onlyThreads } = process.env
const cycle = 6
/** Reloads before each count. Caches and histories fill before the first. */
const stages = [0.4, 0.7, 1].map((part) => Math.round((reloads * part) / cycle) * cycle)
/** Growth of a class or function, per reload, that is none. */
const allowed = 0.2
const allowedBytes = 500
/** Functions that run for the first time bring their texts. */
const strings = '(strings)'
const stringsPerInstance = 5

const eventually = (condition: () => boolean | Promise<boolean>) =>
  eventuallyIn(condition, { timeoutMs: 300_000, intervalMs: 100 })

for (const engine of engines) {
  if (onlyEngine !== undefined && onlyEngine !== engine) continue
  for (const threads of [1, 2]) {
    if (onlyThreads !== undefined && onlyThreads !== String(threads)) continue
    describe(`${reloads} reloads of a process under load, ${engine}, ${threads} thread(s)`, () => {
      it('leave no instance of anything behind', async (t) => {
        const { snapshots, url, write } = await start(t, engine, threads)
        const stop = new AbortController()
        const endless = { model: 's', stream: true, max_tokens: 1_000_000 }
        const stream = await postChat(url, endless, { signal: stop.signal })
        void stream.text().catch(() => {})

        const series: Map<string, HeapCounts>[] = []
        let answered = 0
        for (let reload = 1; reload <= (stages.at(-1) ?? 0); reload++) {
          await write(reload)
          const load = Array.from({ length: 4 }, async () => {
            const response = await postChat(url, { max_tokens: 1 })
            await response.arrayBuffer()
            assert.equal(response.status, 200)
            answered++
          })
          const answer = await fetch(`${url}/internal/admin/reload`, {
            method: 'POST',
            headers: { 'x-olla-gateway': '1' },
          })
          assert.equal(((await answer.json()) as { outcome: string }).outcome, 'applied')
          await Promise.all(load)
          if (!stages.includes(reload)) continue
          await eventually(() => isAtRest(url))
          series.push(await snapshots())
        }
        stop.abort()
        const steps = stages.map((stage, at) => stage - (stages[at - 1] ?? 0)).slice(1)
        const least = Math.ceil(Math.min(...steps) * allowed)
        const heaps = [...(series[0]?.keys() ?? [])]
        assert.ok(heaps.length >= threads, 'a heap of each thread')
        const seen = heaps.map((heap) => {
          const own = series.map((each) => each.get(heap) ?? assert.fail(heap))
          const counts = own.map((each) => each.counts)
          const bytes = own.map((each) => each.bytes)
          const byType = own.map((each) => each.bytesByType)
          const mostGrown = grown(counts, 1).slice(0, 12)
          t.diagnostic(JSON.stringify({ answered, stages, heap, bytes, mostGrown, byType }))
          return { heap, counts, data: byType.map(dataBytes) }
        })
        for (const { heap, counts, data } of seen) {
          const [first = 0, before = 0, after = 0] = data
          assert.ok(first > 1_000_000, 'the snapshots were read')
          const instances = grown(counts, least).filter(([name]) => name !== strings)
          const texts = grown(counts, least * stringsPerInstance).filter(([name]) => name === strings)
          assert.deepEqual([...instances, ...texts], [], `of heap ${heap}`)
          assert.ok(after - before < allowedBytes * (steps[1] ?? 0), `heap ${heap}: ${data} bytes`)
        }
      })
    })
  }
}

/** Without what V8 makes of functions that run often. */
function dataBytes({ code = 0, hidden = 0, ...others }: HeapCounts['bytesByType']): number {
  return Object.values(others).reduce((sum, bytes) => sum + bytes, 0)
}

async function start(t: TestContext, engine: string, threads: number) {
  const kind = 'openai-compatible'
  const steady = await withSimulator(t, { kind, name: 'steady', models: ['m', 's'], tokensPerSecond: 5 })
  const other = await withSimulator(t, { kind, name: 'other', models: ['m'] })
  const entry = (name: string, url: string, more = {}) => ({ name, url, type: kind, ...more })
  const first = entry('steady', steady.url)
  const sets = [
    [first, entry('other', other.url)],
    [first],
    [entry('steady', steady.url, { weight: 2 }), entry('renamed', other.url)],
  ]
  const settings = [
    { model_aliases: {}, max_retries: 3 },
    { model_aliases: { nick: ['m'] }, max_retries: 1 },
  ]
  const unlimited = { per_ip_requests_per_minute: 0, global_requests_per_minute: 0 }
  const text = (turn: number) => {
    const { model_aliases, max_retries } = settings[turn % settings.length] ?? {}
    return JSON.stringify({
      // A thread that writes its heap answers nothing for a while.
      server: {
        host: '127.0.0.1',
        port: 0,
        watch_config: false,
        watchdog_timeout: 0,
        rate_limits: unlimited,
      },
      proxy: { ...engineOf(engine), max_retries },
      model_aliases,
      dashboard: { recent_requests: 10 },
      discovery: { static: { endpoints: sets[turn % sets.length] } },
    })
  }
  const cwd = await folder({ 'config.yaml': text(0) })
  t.after(() => rm(cwd, { recursive: true, force: true }))
  const preload = new URL('../support/heap-on-signal.mjs', import.meta.url)
  const running = run(t, ['-c', 'config.yaml', '--threads', String(threads)], {
    cwd,
    env: { NODE_OPTIONS: `--import ${preload.href}` },
  })
  const url = await listening(running)
  await eventually(async () => (await postChat(url)).status === 200)

  /** @returns counts by thread */
  async function snapshots(): Promise<Map<string, HeapCounts>> {
    running.child.kill('SIGUSR2')
    const names = async () => (await readdir(cwd)).filter((name) => name.endsWith('.heapsnapshot'))
    const heaps = threads === 1 ? 1 : threads + 1
    await eventually(async () => (await names()).length === heaps)
    const found = new Map<string, HeapCounts>()
    for (const name of (await names()).sort()) {
      found.set(name.split('-')[1] ?? name, await heapCounts(join(cwd, name)))
      await rm(join(cwd, name))
    }
    return found
  }

  return { url, snapshots, write: (turn: number) => writeFile(join(cwd, 'config.yaml'), text(turn)) }
}

/** Whether only the stream is in flight, and all that was removed is gone. */
async function isAtRest(url: string): Promise<boolean> {
  const response = await fetch(`${url}/internal/status/endpoints`)
  const { endpoints } = (await response.json()) as { endpoints: { status: string; in_flight: number }[] }
  const inFlight = endpoints.reduce((sum, { in_flight: count }) => sum + count, 0)
  return inFlight === 1 && endpoints.every(({ status }) => status !== 'draining')
}
