import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BeatWatch, beatIntervalMs, Heartbeats } from '../../../src/runtime/process/heartbeat.ts'
import { watchThreads } from '../../../src/runtime/threads/thread-watch.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const timeoutMs = 5_000
const intervalMs = beatIntervalMs(timeoutMs)

/** What a second of each case brings: the thread beats, the watch looks, the system is suspended. */
type Step = 'both' | 'once' | 'silent' | 'suspended' | 'debugged'

describe('a watch of beats', () => {
  const cases: readonly (readonly [name: string, steps: readonly Step[], stuckAfter: number | undefined])[] =
    [
      ['a thread that beats is not stuck', Array(20).fill('both'), undefined],
      ['silence for the time limit is', ['both', ...Array(6).fill('silent')], 6],
      [
        'silence below it is not',
        ['both', ...Array(4).fill('silent'), 'both', ...Array(4).fill('silent')],
        undefined,
      ],
      [
        'a suspended process has not been silent',
        ['both', ...Array(60).fill('suspended'), 'both'],
        undefined,
      ],
      [
        'nor has one whose suspension comes in the middle of silence',
        ['both', 'silent', 'suspended', 'suspended', 'silent'],
        undefined,
      ],
      [
        'a thread that a debugger holds is not stuck',
        ['both', 'debugged', ...Array(60).fill('silent')],
        undefined,
      ],
      [
        'one that beats once in five seconds is',
        Array.from({ length: 30 }, (_, second) => (second % 5 === 0 ? 'once' : 'silent')),
        9,
      ],
      [
        'one that beats once in three seconds is not',
        Array.from({ length: 60 }, (_, second) => (second % 3 === 0 ? 'once' : 'silent')),
        undefined,
      ],
      ['one that never beats is', Array(8).fill('silent'), 6],
    ]
  for (const [name, steps, stuckAfter] of cases) {
    it(name, () => {
      const beats = new Heartbeats(Heartbeats.allocate(1))
      const watch = new BeatWatch(beats, 0, timeoutMs)
      let nowMs = 0
      let found: number | undefined
      for (const [index, step] of steps.entries()) {
        if (step === 'debugged') beats.isDebugged = true
        const looks = step === 'suspended' ? 0 : 1_000 / intervalMs
        for (let look = 0; look < looks; look++) {
          if (step === 'both' || (step === 'once' && look === 0)) beats.beat(0)
          nowMs += intervalMs
          if (watch.check(nowMs)) found ??= index
        }
        if (step === 'suspended') nowMs += 1_000
      }
      assert.equal(found === undefined, stuckAfter === undefined, String(found))
      if (stuckAfter !== undefined) assert.ok(Math.abs((found ?? 0) - stuckAfter) <= 1, String(found))
    })
  }

  it('checks often for short limits and rarely for long ones', () => {
    assert.deepEqual([100, 1_000, 5_000, 60_000].map(beatIntervalMs), [20, 100, 500, 1_000])
  })
})

describe('the watch of serving threads', () => {
  function watch(limitMs: number) {
    const clock = new FakeClock()
    const beats = new Heartbeats(Heartbeats.allocate(3))
    const open = new Set([0, 1])
    const stuck: number[] = []
    const { end, areResponsive } = watchThreads({
      beats,
      threads: 2,
      timeoutMs: limitMs,
      clock,
      isOpen: (thread) => open.has(thread),
      onStuck: (thread) => void stuck.push(thread),
    })
    /** @param beating threads whose loop turns meanwhile */
    async function pass(ms: number, ...beating: number[]): Promise<void> {
      for (let passed = 0; passed < ms; passed += intervalMs) {
        for (const thread of beating) beats.beat(thread)
        await clock.advance(intervalMs)
      }
    }
    return { clock, open, stuck, end, areResponsive, pass }
  }

  it('reports a stalled thread once, and its replacement again', async () => {
    const { open, stuck, areResponsive, pass } = watch(timeoutMs)
    await pass(10_000, 0, 1)
    assert.deepEqual(stuck, [])
    assert.equal(areResponsive(), true)
    await pass(3_000, 0)
    assert.equal(areResponsive(), false)
    await pass(20_000, 0)
    assert.deepEqual(stuck, [1])
    open.delete(1)
    await pass(60_000, 0)
    open.add(1)
    await pass(4_000, 0)
    assert.deepEqual(stuck, [1])
    await pass(4_000, 0)
    assert.deepEqual(stuck, [1, 1])
  })

  it('is off with a limit of 0, and can be ended', async () => {
    const off = watch(0)
    assert.equal(off.clock.armed, 0)
    const { stuck, end, pass, clock } = watch(timeoutMs)
    end()
    await pass(60_000)
    assert.deepEqual([stuck, clock.armed], [[], 0])
  })
})
