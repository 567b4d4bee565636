import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  OverloadLevel,
  rankOf,
  refusedAt,
  refusedFirst,
  retryAfterSeconds,
} from '../../../src/runtime/overload/overload-level.ts'

const limits = { lowMs: 100, normalMs: 400, highMs: 1_000, lowMemory: 0.8 }

/** The level after each sample; samples are 200 ms apart. */
function levelsOf(delays: readonly number[], given = limits, memory: readonly number[] = []): number[] {
  const overload = new OverloadLevel(given)
  return delays.map((delayMs, at) => {
    overload.sample(delayMs, memory[at] ?? 0, at * 200)
    return overload.level
  })
}

describe('the level of overload', () => {
  it('rises to the limit that two samples in a row exceed', () => {
    assert.deepEqual(levelsOf([0, 150, 150]), [0, 0, 1])
    assert.deepEqual(levelsOf([500, 450]), [0, 2])
    assert.deepEqual(levelsOf([5_000, 1_100]), [0, 3])
    assert.deepEqual(levelsOf([5_000, 150, 5_000]), [0, 1, 1])
  })

  it('does not rise after one long turn', () => {
    assert.deepEqual(levelsOf([0, 9_000, 0, 9_000, 0]), [0, 0, 0, 0, 0])
    assert.deepEqual(levelsOf([100, 100, 100]), [0, 0, 0])
  })

  it('falls one step for each second below half of the limit', () => {
    const calm = Array.from({ length: 17 }, () => 0)
    const levels = levelsOf([1_100, 1_100, ...calm]).slice(2)
    assert.deepEqual(
      [3, 2, 1, 0].map((level) => levels.filter((each) => each === level).length),
      [5, 5, 5, 2],
    )
  })

  it('stays while the delay is between half of the limit and the limit, and starts the second again', () => {
    const between = Array.from({ length: 50 }, () => 60)
    assert.ok(
      levelsOf([150, 150, ...between])
        .slice(1)
        .every((level) => level === 1),
    )
    const broken = levelsOf([150, 150, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0])
    assert.deepEqual(broken.slice(-3), [1, 1, 0])
  })

  it('never reaches a level whose limit is 0', () => {
    const delays = [9_000, 9_000, 9_000]
    assert.equal(levelsOf(delays, { ...limits, highMs: 0 }).at(-1), 2)
    assert.equal(levelsOf(delays, { ...limits, highMs: 0, normalMs: 0 }).at(-1), 1)
    assert.equal(levelsOf(delays, { lowMs: 0, normalMs: 0, highMs: 0, lowMemory: 0 }, [1, 1, 1]).at(-1), 0)
    assert.equal(levelsOf(delays, { ...limits, lowMs: 0 }).at(-1), 3)
  })

  it('is at least 1 while memory is short, until a tenth of the limit is free again', () => {
    assert.deepEqual(levelsOf([0, 0, 0, 0], limits, [0.79, 0.8, 0.73, 0.71]), [0, 1, 1, 0])
    assert.deepEqual(levelsOf([500, 500], limits, [0.9, 0.9]), [1, 2])
  })

  it('follows new limits', () => {
    const overload = new OverloadLevel({ ...limits, lowMs: 0, normalMs: 0, highMs: 0 })
    overload.sample(5_000, 0, 0)
    overload.sample(5_000, 0, 200)
    assert.equal(overload.level, 0)
    overload.limits = limits
    overload.sample(5_000, 0, 400)
    assert.equal(overload.level, 3)
  })
})

describe('what is refused at a level', () => {
  it('is the lowest priority first', () => {
    assert.deepEqual(
      [0, 1, 2, 3].map((level) => refusedAt(level).join()),
      ['', 'low', 'low,normal', 'low,normal,high'],
    )
    for (const level of [0, 1, 2, 3])
      for (const priority of refusedFirst)
        assert.equal(rankOf(priority) < level, refusedAt(level).includes(priority))
  })

  it('comes back after a whole number of seconds, spread, and later the further the level must fall', () => {
    assert.equal(retryAfterSeconds(1, 0, 0), 1)
    assert.equal(retryAfterSeconds(3, 0, 0), 3)
    assert.equal(retryAfterSeconds(3, 0, 0.999), 7)
    const seen = new Set(Array.from({ length: 100 }, (_, at) => retryAfterSeconds(2, 1, at / 100)))
    assert.deepEqual([...seen], [1, 2, 3, 4, 5])
  })
})
