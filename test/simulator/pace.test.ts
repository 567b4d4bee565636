import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { type Frame, sendFrames } from '../../simulator/pace.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openRaw, rawPost } from '../support/raw-client.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

const model = 'llama3.2:3b'
const request = (maxTokens: number, stream = true) =>
  JSON.stringify({ model, stream, max_tokens: maxTokens, messages: [{ role: 'user', content: 'hello' }] })

suite('the pace of a simulator', () => {
  for (const stream of [true, false]) {
    test(`applies ${stream ? 'to a stream' : 'to a complete answer'}`, async (t) => {
      const simulator = await withSimulator(t, {
        kind: 'vllm',
        models: [model],
        timeToFirstTokenMs: 100,
        tokensPerSecond: 100,
      })
      const startedMs = performance.now()
      const response = await fetch(`${simulator.url}/v1/chat/completions`, {
        method: 'POST',
        body: request(21, stream),
      })
      const headMs = performance.now() - startedMs
      await response.text()
      const wholeMs = performance.now() - startedMs
      assert.ok(headMs >= 95, `the head came after ${headMs} ms`)
      // 20 intervals of 10 ms. Tests with a fake clock check how late it may be.
      assert.ok(wholeMs >= 290, `the end came after ${wholeMs} ms`)
    })
  }

  test('waits for a reader that does not read', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model] })
    const socket = await openRaw(simulator.port)
    socket.pause()
    // About 20 MB: more than both ends of a loopback connection hold.
    socket.write(rawPost('/v1/chat/completions', request(100_000)))
    await eventually(() => simulator.control.counters().generationsStarted === 1)
    const heapBefore = process.memoryUsage().arrayBuffers
    for (let turn = 0; turn < 5; turn++) await (await fetch(`${simulator.url}/health`)).text()
    assert.equal(simulator.control.counters().generationsFinished, 0)
    assert.ok(process.memoryUsage().arrayBuffers - heapBefore < 4 * 1024 * 1024)
    let text = ''
    socket.on('data', (chunk) => {
      text = (text + chunk.toString('latin1')).slice(-200)
    })
    socket.resume()
    await once(socket, 'end')
    assert.match(text, /data: \[DONE\]\n\n\r\n0\r\n\r\n$/)
    await eventually(() => simulator.control.counters().generationsFinished === 1)
  })
})

/** A clock whose timers come late, by turns. */
class LateClock extends FakeClock implements Clock {
  readonly #lateMs: readonly number[]
  #turn = 0

  constructor(lateMs: readonly number[]) {
    super()
    this.#lateMs = lateMs
  }

  override after(delayMs: number, run: () => void) {
    return super.after(delayMs + (this.#lateMs[this.#turn++ % this.#lateMs.length] ?? 0), run)
  }
}

/** When each of some tokens was written, and the end, on a clock. */
async function timesOf(clock: FakeClock, count: number, intervalMs: number, catchesUp: boolean) {
  const timesMs: number[] = []
  let endMs = -1
  const sink = new Writable({
    highWaterMark: 1_000_000,
    write(_chunk, _encoding, done) {
      timesMs.push(clock.monotonicMs())
      done()
    },
  })
  const frames: Frame[] = Array.from({ length: count }, () => ({ data: 'x', isToken: true }))
  sendFrames(
    sink,
    frames.values(),
    { intervalMs, catchesUp },
    () => {
      endMs = clock.monotonicMs()
    },
    clock,
  )
  while (endMs < 0) await clock.advance(1)
  return { timesMs, endMs, armed: clock.armed }
}

suite('sendFrames', () => {
  const lateness = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 10 })
  const interval = fc.integer({ min: 1, max: 20 })
  const tokens = fc.integer({ min: 1, max: 30 })

  test('sends no token early, and delays of timers do not accumulate', async () => {
    await fc.assert(
      fc.asyncProperty(lateness, interval, tokens, async (lateMs, intervalMs, count) => {
        const { timesMs, armed } = await timesOf(new LateClock(lateMs), count, intervalMs, true)
        assert.equal(timesMs.length, count)
        for (const [index, timeMs] of timesMs.entries()) {
          assert.ok(timeMs >= index * intervalMs, `token ${index} came at ${timeMs}`)
          assert.ok(timeMs <= index * intervalMs + Math.max(...lateMs), `token ${index} came at ${timeMs}`)
        }
        assert.equal(armed, 0)
      }),
      { numRuns: 40 },
    )
  })

  test('keeps the interval between tokens if it does not catch up', async () => {
    await fc.assert(
      fc.asyncProperty(lateness, interval, tokens, async (lateMs, intervalMs, count) => {
        const { timesMs } = await timesOf(new LateClock(lateMs), count, intervalMs, false)
        for (const [index, timeMs] of timesMs.entries()) {
          const before = timesMs[index - 1]
          if (before !== undefined) assert.ok(timeMs - before >= intervalMs)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('arms no timer without a pace', async () => {
    const { timesMs, endMs } = await timesOf(new FakeClock(), 100, 0, true)
    assert.deepEqual([timesMs.length, endMs], [100, 0])
  })

  test('stops when the response closes', async () => {
    const clock = new FakeClock()
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() })
    let returned = false
    function* endless(): Generator<Frame> {
      try {
        for (;;) yield { data: 'x', isToken: true }
      } finally {
        returned = true
      }
    }
    sendFrames(sink, endless(), { intervalMs: 10, catchesUp: true }, () => assert.fail('has no end'), clock)
    await clock.advance(50)
    assert.equal(clock.armed, 1)
    sink.destroy()
    await once(sink, 'close')
    assert.equal(clock.armed, 0)
    assert.ok(returned)
  })
})
