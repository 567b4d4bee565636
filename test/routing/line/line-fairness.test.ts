import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { LineOptions } from '../../../src/routing/line/line-contract.ts'
import { WaitingLine } from '../../../src/routing/line/waiting-line.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { lineOptions, ownQueue, ticket } from '../../support/queue.ts'

interface Request {
  readonly flow: string
  readonly name?: string
  readonly tokens?: number
  readonly weight?: number
  readonly priority?: number
  readonly slots?: readonly number[]
}

/** A line before endpoints whose places become free when the test says so. */
async function startLine(options: Partial<LineOptions> = {}) {
  const clock = new FakeClock()
  await clock.advance(1)
  const line = new WaitingLine(lineOptions({ maxWaiting: 10_000, ...options }), ownQueue(clock))
  const served: string[] = []
  let freed = 0
  const ask = (request: Request): void => {
    const own = ticket(request)
    const waiter = {
      ticket: () => own,
      wants: (slot: number) => own.lane.slots.includes(slot),
      wake: () => {
        served.push(request.name ?? request.flow)
        line.served(waiter, freed)
      },
    }
    assert.equal(line.enter(waiter), undefined)
  }
  const free = (slot = 1): void => {
    freed = slot
    line.released(slot)
  }
  /** Frees the place until nothing waits. @returns the callers in the order in which they were served */
  const drain = (): string[] => {
    while (line.waiting > 0) {
      const before = line.waiting
      free()
      assert.equal(line.waiting, before - 1)
    }
    return served
  }
  return { clock, line, ask, free, drain, served }
}

describe('a waiting line', () => {
  it('serves a person next although an agent has 200 requests before', async () => {
    const { ask, free, served } = await startLine()
    for (let each = 0; each < 200; each++) ask({ flow: 'agent' })
    for (let each = 0; each < 50; each++) free()
    ask({ flow: 'person' })
    free()
    free()
    assert.ok(served.slice(-2).includes('person'), served.slice(-2).join())
  })

  it('serves equals in order of arrival', async () => {
    const { ask, drain } = await startLine()
    const flows = Array.from({ length: 40 }, (_, index) => `caller ${index}`)
    for (const flow of flows) ask({ flow })
    assert.deepEqual(drain(), flows)
  })

  it('serves all in order of arrival if it is not fair', async () => {
    const { ask, drain } = await startLine({ isFair: false })
    const flows = ['a', 'a', 'a', 'b', 'a', 'c', 'b']
    for (const flow of flows) ask({ flow })
    assert.deepEqual(drain(), flows)
  })

  it('weighs requests by their tokens: short ones pass a long prompt of another caller, and of the same', async () => {
    for (const long of ['other', 'short']) {
      const { ask, clock, drain } = await startLine()
      ask({ flow: long, name: 'long', tokens: 100_000 })
      await clock.advance(10)
      for (let each = 0; each < 20; each++) ask({ flow: 'short', tokens: 300 })
      assert.equal(drain().indexOf('long'), 20)
    }
  })

  it('does not let a long prompt starve among short ones of its own caller', async () => {
    const { ask, clock, free, line } = await startLine()
    ask({ flow: 'one', tokens: 100_000 })
    let waits = 0
    for (; waits < 1_000 && line.waiting > 0; waits++) {
      ask({ flow: 'one', tokens: 300 })
      await clock.advance(100)
      free()
      if (line.ranked().every(({ ticket: { tokens } }) => tokens === 300)) break
    }
    assert.ok(waits <= 110, `${waits} short ones passed`)
  })

  it('gives callers shares by weight', async () => {
    const { ask, free, served } = await startLine()
    for (let each = 0; each < 300; each++) {
      ask({ flow: 'heavy', weight: 3 })
      ask({ flow: 'light' })
    }
    for (let each = 0; each < 100; each++) free()
    const heavy = served.filter((flow) => flow === 'heavy').length
    assert.ok(Math.abs(heavy - 75) <= 2, String(heavy))
  })

  it('forgets what callers were given once nothing waits', async () => {
    const { ask, drain } = await startLine()
    for (let each = 0; each < 50; each++) ask({ flow: 'agent', tokens: 1_000 })
    drain()
    const order = drain().length
    ask({ flow: 'person' })
    ask({ flow: 'person' })
    ask({ flow: 'agent' })
    ask({ flow: 'person' })
    assert.deepEqual(drain().slice(order), ['person', 'agent', 'person', 'person'])
  })

  it('serves higher classes first, and gives lower ones their floor under a flood', async () => {
    const { ask, free, clock, served } = await startLine({ riseMs: 10_000 })
    ask({ flow: 'low', priority: 2 })
    ask({ flow: 'low', priority: 2 })
    // Ten minutes of a flood: 200 ms for each request, one more than can be served.
    for (let each = 0; each < 3_000; each++) {
      ask({ flow: 'high', priority: 0 })
      if (each % 50 === 0) ask({ flow: 'low', priority: 2 })
      await clock.advance(200)
      free()
    }
    const low = served.filter((flow) => flow === 'low').length
    // A request of the low class for each 20 s, in which it rises by two classes.
    assert.ok(low >= 28 && low <= 31, String(low))
    assert.ok(!served.slice(0, 90).includes('low'))
  })

  it('never serves a lower class while a higher one waits if classes do not rise', async () => {
    const { ask, free, clock, served } = await startLine({ riseMs: 0 })
    ask({ flow: 'low', priority: 2 })
    for (let each = 0; each < 100; each++) {
      ask({ flow: 'normal', priority: 1 })
      await clock.advance(60_000)
      free()
    }
    assert.ok(!served.includes('low'))
  })

  it('keeps a request as long as it waits', async () => {
    const { ask, clock, drain } = await startLine()
    ask({ flow: 'patient' })
    await clock.advance(30 * 86_400_000)
    assert.deepEqual(drain(), ['patient'])
  })

  it('gives no caller more than its share plus one request of tokens while others wait', async () => {
    const request = fc.record({
      flow: fc.constantFrom('a', 'b', 'c'),
      tokens: fc.integer({ min: 1, max: 20_000 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 20, maxLength: 120 }), async (requests) => {
        const { ask, free, served, line } = await startLine()
        const tokens = new Map<string, number[]>()
        for (const each of requests) {
          ask(each)
          tokens.set(each.flow, [...(tokens.get(each.flow) ?? []), each.tokens])
        }
        const given = new Map<string, number>()
        const largest = 20_000
        const waits = (flow: string) => line.ranked().some((entry) => entry.ticket.flow === flow)
        while (line.waiting > 0) {
          const before = line.ranked().map((entry) => entry.ticket)
          free()
          const after = new Set(line.ranked().map((entry) => entry.ticket))
          const [taken] = before.filter((entry) => !after.has(entry))
          assert.ok(taken !== undefined)
          const { flow } = taken
          given.set(flow, (given.get(flow) ?? 0) + taken.tokens)
          // Of two callers that have waited all the time, neither is ahead by more than a request of each.
          for (const other of ['a', 'b', 'c']) {
            if (!waits(other) || other === flow) continue
            const lead = (given.get(flow) ?? 0) - (given.get(other) ?? 0)
            assert.ok(lead <= 2 * largest, `${flow} leads ${other} by ${lead}`)
          }
        }
        assert.equal(served.length, requests.length)
      }),
      { numRuns: 60 },
    )
  })
})
