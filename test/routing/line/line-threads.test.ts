import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { lineCells } from '../../../src/routing/line/line-cells.ts'
import type { LineOptions } from '../../../src/routing/line/line-contract.ts'
import { type LineWaiter, laneOf } from '../../../src/routing/line/line-ticket.ts'
import { WaitingLine } from '../../../src/routing/line/waiting-line.ts'
import { connectLinks } from '../../support/links.ts'
import { lineOptions, ownQueue, startedClock, ticket } from '../../support/queue.ts'
import { eventually } from '../../support/simulator.ts'
import { threadStates } from '../../support/threads.ts'

interface Step {
  readonly thread: number
  readonly flow: string
  readonly tokens: number
  readonly priority: number
  readonly model: string
}

/** Lines of one gateway, or one line, before an endpoint whose places the test frees. */
async function startLines(lines: (clock: Awaited<ReturnType<typeof startedClock>>) => WaitingLine[]) {
  const clock = await startedClock()
  const all = lines(clock)
  const served: string[] = []
  const ask = (line: WaitingLine | undefined, name: string, step: Step): void => {
    const candidates = [{ endpoint: { slot: 1 }, nativeModel: step.model }]
    const own = ticket({ ...step, id: name, lane: laneOf([{ candidates }], step.model) })
    const waiter = {
      ticket: () => own,
      wants: () => true,
      wake: () => {
        served.push(name)
        line?.served(waiter, 1)
      },
    }
    assert.equal(line?.enter(waiter), undefined)
  }
  return { clock, lines: all, served, ask }
}

const mustSwap = () => true

function threadsOf(t: TestContext, options: LineOptions) {
  const { serving } = connectLinks(t, 3)
  const states = threadStates(3)
  return startLines((clock) =>
    serving.map((link, thread) => {
      const cells = (states[thread] ?? assert.fail()).of(lineCells)
      return new WaitingLine(options, { ...cells, clock, link, mustSwap, random: () => 0.5 })
    }),
  )
}

const step = fc.record({
  thread: fc.nat(2),
  flow: fc.constantFrom('a', 'b', 'c', 'd'),
  tokens: fc.constantFrom(1, 100, 1_000, 5_000, 100_000),
  priority: fc.nat(2),
  model: fc.constantFrom('A', 'B'),
})

describe('the lines of several threads', () => {
  for (const [name, options] of [
    ['in the same order as one line', lineOptions({ riseMs: 50 })],
    ['also if requests for the loaded model go first', lineOptions({ swapBatch: 3, swapBatchWaitMs: 1_000 })],
  ] as const) {
    it(`serve ${name}`, async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
          const several = await threadsOf(t, options)
          const single = await startLines((clock) => [
            new WaitingLine(options, ownQueue(clock, { mustSwap })),
          ])
          const free = async (at: number) => {
            const count = several.served.length
            if ((single.lines[0]?.waiting ?? 0) === 0) return
            single.lines[0]?.released(1, 'A')
            several.lines[at % 3]?.released(1, 'A')
            await eventually(() => several.served.length === count + 1)
          }
          for (const [index, each] of steps.entries()) {
            await several.clock.advance(1)
            await single.clock.advance(1)
            several.ask(several.lines[each.thread], `${index}`, each)
            single.ask(single.lines[0], `${index}`, each)
          }
          for (let freed = 0; freed < steps.length; freed++) {
            await several.clock.advance(20)
            await single.clock.advance(20)
            await free(freed)
          }
          assert.deepEqual(several.served, single.served)
          assert.equal(several.lines[0]?.waiting, 0)
        }),
        { numRuns: 25 },
      )
    })
  }

  it('give a place to another request if the first one leaves on the way to it', async (t) => {
    const { clock, lines, served, ask } = await threadsOf(t, lineOptions())
    const base = { flow: 'a', tokens: 1, priority: 1, model: 'A' }
    const own = ticket({ flow: 'a' })
    const leaving = { ticket: () => own, wants: () => true, wake: () => assert.fail('it has left') }
    // Thread 1 has the first request, but thread 2 is asked as well before the first one gets the place.
    lines[1]?.enter(leaving)
    await clock.advance(1)
    ask(lines[2], 'last', { ...base, thread: 2 })
    await clock.advance(1)
    ask(lines[0], 'own', { ...base, thread: 0 })
    lines[0]?.released(1)
    lines[1]?.leave(leaving)
    await eventually(() => served.length === 1)
    assert.deepEqual(served, ['last'])
  })

  it('lose no place while requests come and leave', async (t) => {
    const action = fc.record({ thread: fc.nat(2), kind: fc.constantFrom('ask', 'leave', 'free') })
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const clock = await startedClock()
        const { serving } = connectLinks(t, 3)
        const states = threadStates(3)
        const lines = serving.map((link, thread) => {
          const cells = (states[thread] ?? assert.fail()).of(lineCells)
          return new WaitingLine(lineOptions(), { ...cells, clock, link })
        })
        let places = 0
        const inLine: { thread: number; waiter: LineWaiter }[] = []
        const leave = (waiter: LineWaiter) => {
          const at = inLine.findIndex((each) => each.waiter === waiter)
          if (at >= 0) inLine.splice(at, 1)
        }
        for (const { thread, kind } of actions) {
          const line = lines[thread]
          await clock.advance(1)
          if (kind === 'free') {
            places++
            line?.released(1)
          } else if (kind === 'leave') {
            const [first] = inLine
            if (first === undefined) continue
            leave(first.waiter)
            lines[first.thread]?.leave(first.waiter)
          } else if (places > 0) {
            places--
          } else {
            const own = ticket({ flow: String(thread) })
            const waiter: LineWaiter = {
              ticket: () => own,
              wants: () => true,
              wake() {
                if (places > 0) {
                  places--
                  leave(waiter)
                  line?.served(waiter, 1)
                } else line?.enter(waiter)
              },
            }
            inLine.push({ thread, waiter })
            line?.enter(waiter)
          }
        }
        // Nothing waits while there is a place.
        await eventually(() => places === 0 || inLine.length === 0)
      }),
      { numRuns: 60 },
    )
  })

  it('count what waits, in all and by lane, exactly', async (t) => {
    const { lines, ask } = await threadsOf(t, lineOptions({ maxWaiting: 5, maxWaitingPerModel: 3 }))
    const base = { flow: 'a', tokens: 1, priority: 1 }
    for (let thread = 0; thread < 3; thread++)
      ask(lines[thread], `${thread}`, { ...base, thread, model: 'A' })
    const refused = (model: string) =>
      lines[1]?.enter({
        ticket: () =>
          ticket({ lane: laneOf([{ candidates: [{ endpoint: { slot: 1 }, nativeModel: model }] }], model) }),
        wants: () => true,
        wake() {},
      })?.reason
    assert.equal(refused('A'), 'model_full')
    ask(lines[0], 'x', { ...base, thread: 0, model: 'B' })
    ask(lines[2], 'y', { ...base, thread: 2, model: 'B' })
    assert.equal(refused('B'), 'full')
    assert.equal(lines[1]?.waiting, 5)
  })
})
