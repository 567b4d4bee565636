import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { Gauge } from '../../../src/kernel/cells/gauge.ts'
import { lineCells } from '../../../src/routing/line/line-cells.ts'
import type { LineOptions } from '../../../src/routing/line/line-contract.ts'
import { WaitingLine } from '../../../src/routing/line/waiting-line.ts'
import { loadCells } from '../../../src/routing/selection/load-cells.ts'
import { usablePlaces } from '../../../src/routing/selection/place-reserve.ts'
import { connectLinks } from '../../support/links.ts'
import { lineOptions, ownQueue, startedClock, ticket } from '../../support/queue.ts'
import { eventually } from '../../support/simulator.ts'
import { threadStates } from '../../support/threads.ts'

const [high, normal, low] = [0, 1, 2]
const slot = 1
const places = 4
/** One of four places is for the class high, another for high and normal. */
const reserved = [0, 0.25, 0.5]

interface Part {
  readonly line: WaitingLine
  readonly inFlight: Pick<Gauge, 'acquire' | 'release' | 'value'>
}

const hasPlaceIn = (inFlight: Pick<Gauge, 'value'>) => (at: number, share: number) =>
  inFlight.value(at) < usablePlaces(places, share)

/** Requests that hold places of one endpoint until the test ends them. */
function startRequests() {
  const held: { readonly name: string; readonly end: () => void }[] = []
  const ask = ({ line, inFlight }: Part, name: string, priority: number): void => {
    const own = ticket({ id: name, flow: name, priority })
    const waiter = {
      ticket: () => own,
      wants: () => true,
      wake(openSlot?: number) {
        const share = openSlot === slot ? 0 : (reserved[priority] ?? 0)
        if (!inFlight.acquire(slot, usablePlaces(places, share))) {
          line.enter(waiter)
          return
        }
        line.served(waiter, slot)
        held.push({
          name,
          end() {
            inFlight.release(slot)
            line.released(slot)
          },
        })
      },
    }
    waiter.wake()
  }
  const end = (name: string) => {
    const at = held.findIndex((each) => each.name === name)
    const [ended] = held.splice(at, 1)
    assert.ok(at >= 0 && ended !== undefined, `${name} holds no place`)
    ended.end()
  }
  return { ask, end, names: () => held.map(({ name }) => name) }
}

async function startOne(options: Partial<LineOptions> = {}) {
  const clock = await startedClock()
  const inFlight = new Gauge(2)
  const hasPlace = hasPlaceIn(inFlight)
  const line = new WaitingLine(lineOptions({ reserved, ...options }), ownQueue(clock, { hasPlace }))
  const { ask, end, names } = startRequests()
  const part = { line, inFlight }
  return { clock, line, end, names, ask: (name: string, priority: number) => ask(part, name, priority) }
}

async function startThreads(t: TestContext) {
  const clock = await startedClock()
  const { serving } = connectLinks(t, 3)
  const states = threadStates(3)
  const parts = serving.map((link, thread): Part => {
    const state = states[thread] ?? assert.fail()
    const { inFlight } = state.of(loadCells)
    const hasPlace = hasPlaceIn(inFlight)
    const cells = { ...state.of(lineCells), clock, link, hasPlace, random: () => 0.5 }
    return { inFlight, line: new WaitingLine(lineOptions({ reserved }), cells) }
  })
  return { parts, ...startRequests() }
}

describe('a line before an endpoint with reserved places', () => {
  it('keeps a place for each higher class while a lower one waits', async () => {
    const { ask, names, line } = await startOne()
    for (let each = 0; each < 10; each++) ask(`low ${each}`, low)
    assert.deepEqual(names(), ['low 0', 'low 1'])
    ask('normal', normal)
    ask('normal too', normal)
    ask('high', high)
    assert.deepEqual(names(), ['low 0', 'low 1', 'normal', 'high'])
    assert.equal(line.waiting, 9)
  })

  it('gives a place that is not reserved to the class that waits', async () => {
    const { ask, end, names } = await startOne()
    for (let each = 0; each < 4; each++) ask(`low ${each}`, low)
    ask('high', high)
    // Three are in use, so the next place is reserved.
    end('low 0')
    assert.deepEqual(names(), ['low 1', 'high'])
    end('high')
    assert.deepEqual(names(), ['low 1', 'low 2'])
    end('low 1')
    assert.deepEqual(names(), ['low 2', 'low 3'])
  })

  it('gives a freed reserved place to a class that may use it, behind others in the line', async () => {
    const { ask, end, names } = await startOne()
    for (let each = 0; each < 5; each++) ask(`high ${each}`, high)
    ask('low', low)
    ask('normal', normal)
    assert.equal(names().length, 4)
    end('high 0')
    assert.deepEqual(names().slice(3), ['high 4'])
    end('high 1')
    // Three are left: no place for the class normal.
    assert.equal(names().length, 3)
    end('high 2')
    assert.deepEqual(names(), ['high 3', 'high 4', 'normal'])
    end('high 3')
    assert.deepEqual(names(), ['high 4', 'normal'])
    end('high 4')
    assert.deepEqual(names(), ['normal', 'low'])
  })

  it('gives an overdue class its floor although higher ones use the reserved places all the time', async () => {
    const { clock, ask, end, names } = await startOne({ riseMs: 1_000 })
    ask('high 0', high)
    ask('high 1', high)
    ask('low 0', low)
    ask('low 1', low)
    const served: number[] = []
    let last = 1
    for (let at = 0; at < 100; at++) {
      await clock.advance(100)
      // A high request replaces each one that ends, and finds a place at once.
      ask(`high ${++last}`, high)
      assert.ok(names().includes(`high ${last}`))
      end(`high ${last - 2}`)
      const waited = names().filter((name) => name.startsWith('low'))
      for (const name of waited) {
        served.push(clock.monotonicMs())
        end(name)
        ask(`low again ${at}`, low)
      }
    }
    // Two classes below the highest: one request in two intervals.
    assert.equal(served.length, 5)
  })

  it('gives a request that was moved up a reserved place at once', async () => {
    const { ask, names, line } = await startOne()
    for (let each = 0; each < 4; each++) ask(`low ${each}`, low)
    assert.equal(line.moveUp(({ id }) => id === 'low 3')?.id, 'low 3')
    assert.deepEqual(names(), ['low 0', 'low 1', 'low 3'])
    assert.equal(line.waiting, 1)
  })

  it('is exact over threads', async (t) => {
    const { parts, ask, end, names } = await startThreads(t)
    const part = (at: number) => parts[at % 3] ?? assert.fail()
    for (let each = 0; each < 12; each++) ask(part(each), `low ${each}`, low)
    assert.deepEqual(names(), ['low 0', 'low 1'])
    for (const [at, name] of ['high 0', 'high 1'].entries()) ask(part(at), name, high)
    ask(part(2), 'high 2', high)
    assert.deepEqual(names(), ['low 0', 'low 1', 'high 0', 'high 1'])
    end('low 0')
    await eventually(() => names().includes('high 2'))
    end('low 1')
    end('high 0')
    const served = new Set(names())
    for (let left = 10; left > 0; left--) {
      end(names()[0] ?? assert.fail())
      await eventually(() => names().length === 2)
      for (const name of names()) served.add(name)
    }
    // Of the class low, those but the first two, which ended before.
    assert.equal(served.size, 2 + 10)
  })
})
