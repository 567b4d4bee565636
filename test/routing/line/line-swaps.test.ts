import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LineOptions } from '../../../src/routing/line/line-contract.ts'
import { laneOf } from '../../../src/routing/line/line-ticket.ts'
import { WaitingLine } from '../../../src/routing/line/waiting-line.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { lineOptions, ownQueue, ticket } from '../../support/queue.ts'

/** One endpoint with one place that holds one model at a time. */
async function startBox(options: Partial<LineOptions> = {}, mustSwap = () => true) {
  const clock = new FakeClock()
  await clock.advance(1)
  const line = new WaitingLine(lineOptions({ swapBatch: 8, ...options }), ownQueue(clock, { mustSwap }))
  const served: string[] = []
  const ask = (model: string, flow = model): void => {
    const lane = laneOf([{ candidates: [{ endpoint: { slot: 1 }, nativeModel: model }] }], model)
    const own = ticket({ lane, flow })
    const waiter = {
      ticket: () => own,
      wants: (slot: number) => slot === 1,
      wake: () => {
        served.push(model)
        line.served(waiter, 1)
      },
    }
    assert.equal(line.enter(waiter), undefined)
  }
  /** @param first model of the request that is served without waiting */
  const run = async (first: string, eachMs = 1_000): Promise<string> => {
    let last = first
    for (let turns = 0; turns < 1_000 && line.waiting > 0; turns++) {
      await clock.advance(eachMs)
      line.released(1, last)
      last = served.at(-1) ?? last
    }
    return served.join('')
  }
  return { ask, run, line, clock, served }
}

describe('requests for different models of one box', () => {
  it('go together: A B A B A B swaps at most twice', async () => {
    const { ask, run } = await startBox()
    for (const model of ['B', 'A', 'B', 'A', 'B']) ask(model)
    assert.equal(await run('A'), 'AABBB')
  })

  it('do so for one caller too', async () => {
    const { ask, run } = await startBox()
    for (const model of ['B', 'A', 'B', 'A', 'B']) ask(model, 'one')
    assert.equal(await run('A'), 'AABBB')
  })

  it('are passed at most as often as configured', async () => {
    const { ask, run } = await startBox({ swapBatch: 3 })
    ask('B')
    for (let each = 0; each < 10; each++) ask('A', `a${each}`)
    assert.equal((await run('A', 1)).indexOf('B'), 3)
  })

  it('are passed no longer than configured', async () => {
    const { ask, run } = await startBox({ swapBatch: 100, swapBatchWaitMs: 5_000 })
    ask('B')
    for (let each = 0; each < 20; each++) ask('A', `a${each}`)
    assert.equal((await run('A', 1_000)).indexOf('B'), 4)
  })

  it('keep their order if the endpoint has both in memory, or without batches', async () => {
    for (const [options, mustSwap] of [
      [{}, () => false],
      [{ swapBatch: 0 }, () => true],
    ] as const) {
      const { ask, run } = await startBox(options, mustSwap)
      for (const model of ['B', 'A', 'B', 'A']) ask(model)
      assert.equal(await run('A'), 'BABA')
    }
  })
})
