import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { configFor, folder, listening, run } from '../support/command.ts'
import { chunk, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { connectToThreads } from '../support/thread-clients.ts'

const preload = fileURLToPath(new URL('../support/faults-on-demand.ts', import.meta.url))

/** On a busy machine a thread without a fault may respond seconds late: it would be ended too. */
const patience = '4s'

async function start(t: TestContext, server: string) {
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
  )
  const cwd = await folder({ 'config.yaml': configFor(upstream.url, server) })
  const running = run(t, [], { cwd, env: { NODE_OPTIONS: `--import=${preload}`, FAULTS_FOLDER: cwd } })
  const url = await listening(running)
  const fault = (thread: number | 'main', what: string) => writeFileSync(join(cwd, `fault-${thread}`), what)
  const reading = async () =>
    (await (await fetch(`${url}/internal/process`)).json()) as {
      threads: unknown[]
      ended_threads: { count: number; requests_cut: number }
    }
  await eventually(async () => (await fetch(`${url}/internal/ready`)).status === 200)
  return { upstream, running, url, fault, reading }
}

describe('the watchdog', () => {
  for (const what of ['loop', 'microtasks', 'wait', 'heap']) {
    it(`replaces a stalled serving thread (${what})`, async (t) => {
      const gateway = await start(t, `, threads: 2, watchdog_timeout: ${patience}`)
      const { running, url, fault, reading } = gateway
      const [[steady] = [], [lost] = []] = await connectToThreads(t, url)
      if (steady === undefined || lost === undefined) return assert.fail()
      const kept = await steady.chat({ stream: true })
      kept.resume()
      const cut = await lost.chat({ stream: true })
      const ended = new Promise((resolve) =>
        cut
          .resume()
          .on('error', () => {})
          .once('close', resolve),
      )
      fault(1, what)
      await ended
      await eventually(
        async () => {
          const { threads, ended_threads } = await reading()
          return threads.length === 2 && ended_threads.count === 1 && ended_threads.requests_cut === 1
        },
        { intervalMs: 200 },
      )
      const reason = what === 'heap' ? '' : 'no response for 4000 ms'
      assert.match(
        running.output(),
        new RegExp(`"thread":1,"reason":"${reason}.*serving thread has stopped"`),
      )
      assert.equal(kept.destroyed, false)
      const [, [again] = []] = await connectToThreads(t, url)
      assert.equal((await again?.chat({ stream: true }))?.statusCode, 200)
    })
  }

  for (const threads of [1, 2]) {
    it(`ends a process with a stalled main thread, threads: ${threads}`, async (t) => {
      const { running, fault } = await start(t, `, threads: ${threads}, watchdog_timeout: 1s`)
      const exit = once(running.child, 'close')
      fault('main', 'loop')
      assert.deepEqual(await exit, [null, 'SIGKILL'])
      assert.match(running.output(), /olla-gateway: the main thread has not responded for 1000 ms/)
    })

    it(`ends a process with a main thread stalled during the stop, also if it is off, threads: ${threads}`, async (t) => {
      const { running, fault, upstream, url } = await start(
        t,
        `, threads: ${threads}, watchdog_timeout: 0, shutdown_timeout: 1s`,
      )
      const [[client] = []] = await connectToThreads(t, url, { threads })
      ;(await client?.chat({ stream: true }))?.resume()
      await eventually(() => upstream.requests.length > 0)
      const exit = once(running.child, 'close')
      running.child.kill('SIGTERM')
      await eventually(() => /"msg":"stopping"/.test(running.output()))
      fault('main', 'loop')
      assert.deepEqual(await exit, [null, 'SIGKILL'])
      assert.match(running.output(), /olla-gateway: the stop took too long/)
    })
  }

  it('does not end a process that was suspended as a whole', async (t) => {
    const { running, url } = await start(t, `, threads: 2, watchdog_timeout: ${patience}`)
    running.child.kill('SIGSTOP')
    await sleep(7_000)
    running.child.kill('SIGCONT')
    await sleep(3_000)
    assert.equal((await fetch(`${url}/internal/health`)).status, 200)
    assert.doesNotMatch(running.output(), /has stopped|not responded/)
  })

  it('drains the others and exits with 1 if a thread cannot be ended', async (t) => {
    const { running, url, fault } = await start(
      t,
      `, threads: 2, watchdog_timeout: ${patience}, shutdown_timeout: 3s`,
    )
    const [[steady] = [], [lost] = []] = await connectToThreads(t, url)
    ;(await lost?.chat({ stream: true }))?.resume().on('error', () => {})
    const exit = once(running.child, 'close')
    fault(1, 'call')
    await eventually(() => /cannot be ended/.test(running.output()))
    assert.deepEqual(await exit, [1, null])
    assert.match(running.output(), /"cut":1,"msg":"stopped"/)
    void steady
  })
})
