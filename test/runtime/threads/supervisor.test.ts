import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { EventBus } from '../../../src/runtime/events/bus.ts'
import type { DrainResult } from '../../../src/runtime/lifecycle/drain.ts'
import { ControlLink } from '../../../src/runtime/links/control-link.ts'
import type { LinkMessage } from '../../../src/runtime/links/messages.ts'
import { ServingLink } from '../../../src/runtime/links/serving-link.ts'
import { Supervisor, type ThreadEvents } from '../../../src/runtime/threads/supervisor.ts'
import {
  drainTopic,
  type ListenAddress,
  type ListenResult,
  listenTopic,
} from '../../../src/runtime/threads/thread-control.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/simulator.ts'

/** What a scripted thread does on request. */
interface Script {
  listen?: (address: ListenAddress) => ListenResult | Promise<ListenResult>
  drain?: () => DrainResult | Promise<DrainResult>
  /** Whether it cannot be ended. */
  staysAlive?: boolean
  /** Whether it ends by itself once it has drained. */
  lingers?: boolean
}

/** A thread without a thread: its link lives here, its end is called for. */
class ScriptedThread {
  readonly thread: number
  readonly #port: MessagePort
  readonly #events: ThreadEvents
  isRunning = true
  terminated = false

  constructor(thread: number, port: MessagePort, events: ThreadEvents) {
    this.thread = thread
    this.#port = port
    this.#events = events
  }

  end(reason: string | undefined): void {
    if (!this.isRunning) return
    this.isRunning = false
    this.#port.close()
    this.#events.onExit(reason)
  }
}

function supervise(
  t: TestContext,
  threads: number,
  script: (thread: number, start: number) => Script = () => ({}),
) {
  const clock = new FakeClock()
  const link = new ControlLink({ threads, clock, onFailure: assert.fail })
  const events = new EventBus(clock, assert.fail)
  const heard: string[] = []
  events.subscribe(({ type, data }) => {
    if ('thread' in data && 'reason' in data) heard.push(`${type} ${data.thread} ${data.reason}`)
  })
  const spawned: ScriptedThread[] = []
  const listened: ListenAddress[] = []
  const held = new Map<number, number>()
  const reclaimed: number[] = []
  const cut: number[] = []
  const unkillable: number[] = []
  const supervisor = new Supervisor(
    threads,
    { host: 'localhost', port: 0 },
    {
      link,
      events,
      clock,
      spawn(thread, threadEvents) {
        const { port1, port2 } = new MessageChannel()
        t.after(() => port1.close())
        const { listen, drain, lingers, staysAlive } = script(
          thread,
          spawned.filter((each) => each.thread === thread).length,
        )
        const running = new ScriptedThread(thread, port1, threadEvents)
        spawned.push(running)
        const own = new ServingLink(port2, { thread, threads, clock, onFailure: assert.fail })
        port1.on('message', (message: LinkMessage) => link.receive(message))
        port2.on('message', (message: LinkMessage) => own.receive(message))
        own.on(listenTopic, (address) => {
          listened.push(address)
          return listen?.(address) ?? { ok: true, address: 'http://localhost:4711', port: 4711 }
        })
        own.on(drainTopic, async () => {
          const result = await (drain?.() ?? { drained: 1, cut: 0 })
          if (lingers !== true) setImmediate(() => setImmediate(() => running.end(undefined)))
          return result
        })
        return {
          postMessage: (message) => port1.postMessage(message),
          terminate() {
            running.terminated = true
            if (staysAlive !== true) setImmediate(() => running.end('terminated'))
          },
        }
      },
      reclaim(thread) {
        reclaimed.push(thread)
        return held.get(thread) ?? 0
      },
      onUnkillable: (thread) => void unkillable.push(thread),
      countEnded: (requests) => void cut.push(requests),
    },
  )
  const of = (thread: number) => spawned.findLast((each) => each.thread === thread) ?? assert.fail()
  return { clock, supervisor, heard, spawned, listened, held, reclaimed, cut, unkillable, of }
}

describe('a supervisor', () => {
  it('starts the first thread on the port before the others', async (t) => {
    const { supervisor, listened, spawned, heard } = supervise(t, 3)
    assert.equal(await supervisor.start(), 'http://localhost:4711')
    assert.deepEqual(
      listened.map(({ port }) => port),
      [0, 4711, 4711],
    )
    assert.equal(spawned.length, 3)
    await eventually(() => heard.length === 3)
    assert.deepEqual(heard.toSorted(), [
      'thread.started 0 null',
      'thread.started 1 null',
      'thread.started 2 null',
    ])
  })

  it('aborts the start if a thread cannot listen, and leaves none running', async (t) => {
    const { supervisor, spawned, clock } = supervise(t, 2, (thread) => ({
      listen: () =>
        thread === 1 ? { ok: false, reason: 'the port is taken' } : { ok: true, address: '', port: 1 },
    }))
    await assert.rejects(supervisor.start(), /the port is taken/)
    assert.deepEqual(
      spawned.map(({ isRunning }) => isRunning),
      [false, false],
    )
    await clock.advance(60_000)
    assert.equal(spawned.length, 2)
  })

  for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']) {
    it(`retries a thread that lacked resources while others serve: ${code}`, async (t) => {
      const { supervisor, clock, heard } = supervise(t, 2, (thread, start) => ({
        listen: () =>
          thread === 1 && start === 0
            ? { ok: false, reason: `listen ${code}: there is no more` }
            : { ok: true, address: 'a', port: 1 },
      }))
      assert.equal(await supervisor.start(), 'a')
      await eventually(() => heard.some((line) => line.startsWith('thread.stopped 1')))
      await clock.advance(1_000)
      await eventually(() => heard.includes('thread.started 1 restarted'))
    })
  }

  it('retries if a thread cannot be created', async (t) => {
    const { supervisor, clock, heard, of } = supervise(t, 1, (_thread, start) => {
      if (start === 1 && !heard.some((line) => line.includes('no descriptor')))
        throw new Error('no descriptor')
      return {}
    })
    await supervisor.start()
    of(0).end('it failed')
    await eventually(() => heard.includes('thread.stopped 0 it failed'))
    await clock.advance(10_000)
    await eventually(() => heard.includes('thread.stopped 0 no descriptor'))
    await clock.advance(10_000)
    await eventually(() => heard.includes('thread.started 0 restarted'))
  })

  it('aborts the start with a reason if a thread ends', async (t) => {
    const { supervisor, of, spawned, clock } = supervise(t, 2, (thread) => ({
      listen: () => {
        if (thread === 1) of(1).end('no such profile')
        return { ok: true, address: '', port: 1 }
      },
    }))
    await assert.rejects(supervisor.start(), /no such profile/)
    await clock.advance(60_000)
    assert.equal(spawned.length, 2)
  })

  it('restarts an ended thread after releasing what it held', async (t) => {
    const { supervisor, of, spawned, listened, held, reclaimed, cut, heard, clock } = supervise(t, 2)
    await supervisor.start()
    held.set(1, 3)
    of(1).end('boom')
    assert.deepEqual(reclaimed, [1])
    assert.deepEqual(cut, [3])
    await clock.advance(99)
    assert.equal(spawned.length, 2)
    await clock.advance(1)
    await eventually(() => heard.length === 4)
    assert.deepEqual(heard.slice(-2), ['thread.stopped 1 boom', 'thread.started 1 restarted'])
    assert.equal(listened.at(-1)?.port, 4711)
    assert.equal(of(0).isRunning, true)
  })

  it('can be stopped during the start: threads that listen drain, the others end at once', async (t) => {
    const drains: number[] = []
    const { supervisor, of, heard } = supervise(t, 3, (thread) => ({
      listen: () =>
        thread === 1 ? new Promise<ListenResult>(() => {}) : { ok: true, address: '', port: 4711 },
      drain: () => {
        drains.push(thread)
        return { drained: 2, cut: 0 }
      },
    }))
    const starting = assert.rejects(supervisor.start())
    await eventually(() => heard.length === 2)
    assert.deepEqual(await supervisor.stop(10_000), { drained: 4, cut: 0 })
    await starting
    assert.deepEqual(drains.toSorted(), [0, 2])
    assert.deepEqual(
      [0, 1, 2].map((thread) => [of(thread).terminated, of(thread).isRunning]),
      [
        [false, false],
        [true, false],
        [false, false],
      ],
    )
  })

  it('replaces and reports a thread that does not respond', async (t) => {
    const { supervisor, heard, cut, held, clock } = supervise(t, 2)
    await supervisor.start()
    held.set(1, 4)
    supervisor.replace(1, 'no response for 5000 ms')
    await eventually(() => heard.length === 3)
    assert.equal(supervisor.isOpen(1), false)
    await clock.advance(100)
    await eventually(() => heard.length === 4)
    assert.deepEqual(heard.slice(-2), [
      'thread.stopped 1 no response for 5000 ms',
      'thread.started 1 restarted',
    ])
    assert.deepEqual(cut, [4])
    assert.equal(supervisor.isOpen(1), true)
  })

  it('abandons a thread that cannot be ended: the stop does not wait for it', async (t) => {
    const { supervisor, held, reclaimed, unkillable, clock } = supervise(t, 2, (thread) => ({
      staysAlive: thread === 1,
    }))
    await supervisor.start()
    held.set(1, 3)
    supervisor.replace(1, 'no response')
    await clock.advance(10_000)
    assert.deepEqual([unkillable, reclaimed, supervisor.hasUnkillable], [[1], [1], true])
    assert.deepEqual(await supervisor.stop(10_000), { drained: 4, cut: 3 })
  })

  it('backs off for a thread that keeps ending, and resets after a steady minute', async (t) => {
    const { supervisor, of, spawned, listened, clock } = supervise(t, 2)
    await supervisor.start()
    const waitsMs: number[] = []
    for (let end = 1; end <= 9; end++) {
      const before = spawned.length
      const asked = listened.length
      of(0).end('boom')
      let waitedMs = 0
      for (; spawned.length === before; waitedMs += 100) await clock.advance(100)
      waitsMs.push(waitedMs)
      await eventually(() => listened.length === asked + 1)
    }
    assert.deepEqual(waitsMs, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
    await clock.advance(60_000)
    of(0).end('boom')
    const before = spawned.length
    await clock.advance(100)
    assert.equal(spawned.length, before + 1)
  })

  it('retries if a restarted thread cannot listen', async (t) => {
    const { supervisor, of, heard, clock } = supervise(t, 2, (_thread, start) => ({
      listen: () => (start === 1 ? { ok: false, reason: 'not yet' } : { ok: true, address: '', port: 4711 }),
    }))
    await supervisor.start()
    of(1).end('boom')
    await clock.advance(100)
    await eventually(() => heard.includes('thread.stopped 1 terminated'))
    await clock.advance(200)
    await eventually(() => heard.at(-1) === 'thread.started 1 restarted')
  })

  it('drains all threads and adds up the results', async (t) => {
    const { supervisor, of, clock, spawned } = supervise(t, 3, (thread) => ({
      drain: () => ({ drained: thread + 1, cut: thread === 2 ? 1 : 0 }),
    }))
    await supervisor.start()
    assert.deepEqual(await supervisor.stop(1_000), { drained: 6, cut: 1 })
    for (const thread of [0, 1, 2])
      assert.deepEqual([of(thread).isRunning, of(thread).terminated], [false, false])
    await clock.advance(60_000)
    assert.equal(spawned.length, 3)
    assert.equal(clock.armed, 0)
  })

  it('ends a thread that does not drain in time, and counts what it held as cut', async (t) => {
    const { supervisor, of, held, clock } = supervise(t, 2, (thread) =>
      thread === 1 ? { drain: () => new Promise(() => {}) } : {},
    )
    await supervisor.start()
    held.set(1, 7)
    const stopped = supervisor.stop(1_000)
    await eventually(() => !of(0).isRunning)
    await clock.advance(1_000)
    assert.deepEqual(await stopped, { drained: 8, cut: 7 })
    assert.equal(of(1).terminated, true)
  })

  it('ends a thread that has drained and stays', async (t) => {
    const { supervisor, of, clock } = supervise(t, 2, () => ({ lingers: true }))
    await supervisor.start()
    const stopped = supervisor.stop(1_000_000)
    await eventually(async () => {
      await clock.advance(100)
      return !of(0).isRunning && !of(1).isRunning
    })
    assert.deepEqual(await stopped, { drained: 2, cut: 0 })
    assert.equal(of(0).terminated, true)
  })

  it('restarts nothing during a stop, and counts a thread that ends meanwhile', async (t) => {
    const { supervisor, of, held, spawned, clock } = supervise(t, 2, (thread) =>
      thread === 0 ? { drain: () => new Promise(() => {}) } : {},
    )
    await supervisor.start()
    held.set(0, 2)
    const stopped = supervisor.stop(1_000)
    await eventually(() => !of(1).isRunning)
    of(0).end('boom')
    assert.deepEqual(await stopped, { drained: 3, cut: 2 })
    await clock.advance(60_000)
    assert.equal(spawned.length, 2)
  })
})
