/** Many reloads under load: no request fails, and nothing is left behind. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { postChat, type RunningGateway, startGateway, testThreads } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const reloads = Number(process.env.RELOADS ?? 1_000)
const streams = 20

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

for (const engine of engines) {
  describe(`${reloads} reloads under load with ${engine}`, () => {
    it('fail no request, and leave no socket, timer, memory or series', async (t) => {
      const { gateway, entries } = await fleet(t, engine)
      const sets = [
        [entries.steady, entries.other],
        [entries.steady],
        [{ ...entries.steady, weight: 2 }, entries.third],
        [entries.steady, { ...entries.third, name: 'renamed' }],
      ]
      const aliases = [{}, { nick: ['m'] }]
      const open = await Promise.all(
        Array.from({ length: streams }, () =>
          postChat(gateway.url, { model: 's', stream: true, max_tokens: 100_000 }),
        ),
      )
      const readers = open.map((response) => response.body?.getReader())
      let received = 0
      for (const reader of readers) {
        void (async () => {
          while (!(await reader?.read())?.done) received++
        })().catch(() => {})
      }
      let isOver = false
      const failed: number[] = []
      let answered = 0
      const load = Array.from({ length: 4 }, async () => {
        while (!isOver) {
          const response = await postChat(gateway.url)
          await response.arrayBuffer()
          answered++
          if (response.status !== 200) failed.push(response.status)
        }
      })
      const change = async (from: number, to: number) => {
        for (let round = from; round < to; round++) {
          const set = sets[round % sets.length] ?? []
          const result = await gateway.reload(set, {
            proxy: engineOf(engine),
            model_aliases: aliases[round % aliases.length] ?? {},
          })
          assert.equal(result.outcome, 'applied', JSON.stringify(result))
        }
      }
      // Caches and histories fill first.
      await change(0, reloads * 0.4)
      const before = await held(gateway)
      await change(reloads * 0.4, reloads)
      const after = await held(gateway)
      isOver = true
      await Promise.all(load)
      t.diagnostic(JSON.stringify({ answered, received, failed: failed.length, before, after }))

      assert.deepEqual(failed, [])
      const { active } = await json<{ active: number }>(gateway, '/internal/inflight', ({ total }) => ({
        active: total,
      }))
      assert.equal(active, streams, 'all streams are still open')
      assert.ok(after.series <= before.series * 1.05, 'series')
      assert.ok(after.timers <= before.timers + 10, 'timers')
      assert.ok(after.sockets <= before.sockets + 20, 'sockets')
      assert.ok(after.heapMb < before.heapMb + 15, 'heap')
      for (const reader of readers) await reader?.cancel()
      await eventually(async () => (await gateway.status()).every(({ in_flight: count }) => count === 0))
    })
  })
}

async function fleet(t: TestContext, engine: string) {
  const kind = 'openai-compatible'
  const steady = await withSimulator(t, { kind, name: 'steady', models: ['m', 's'], tokensPerSecond: 50 })
  const other = await withSimulator(t, { kind, name: 'other', models: ['m'] })
  const third = await withSimulator(t, { kind, name: 'third', models: ['m'] })
  const entries = {
    steady: { url: steady.url, name: 'steady' },
    other: { url: other.url, name: 'other' },
    third: { url: third.url, name: 'third' },
  }
  const gateway = await startGateway(t, [entries.steady], { proxy: engineOf(engine) })
  return { gateway, entries }
}

/** What the gateway holds at rest; with several threads, of the control thread. */
async function held(gateway: RunningGateway) {
  await eventually(async () => (await gateway.status()).every(({ status }) => status !== 'draining'))
  collectGarbage()
  const resources = process.getActiveResourcesInfo()
  const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
  return {
    threads: testThreads,
    series: metrics.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
    timers: resources.filter((name) => name === 'Timeout').length,
    sockets: resources.filter((name) => name === 'TCPSocketWrap').length,
    heapMb: Math.round(process.memoryUsage().heapUsed / 100_000) / 10,
  }
}

async function json<Result>(
  { url }: RunningGateway,
  path: string,
  pick: (body: { total: number }) => Result,
): Promise<Result> {
  return pick((await (await fetch(`${url}${path}`)).json()) as { total: number })
}
