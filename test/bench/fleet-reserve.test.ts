import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Agenda } from '../../bench/affinity/fleet.ts'
import { seeded } from '../../bench/affinity/random.ts'
import type { Ask } from '../../bench/fleet/ask.ts'
import { Engine, type EngineSpec } from '../../bench/fleet/engine.ts'
import { SimulatedGateway } from '../../bench/fleet/gateway.ts'
import { plainStrategy } from '../../bench/fleet/own-policies.ts'
import { extended, headOf } from '../../bench/fleet/prefix-cache.ts'
import { reservedShares } from '../../src/routing/selection/place-reserve.ts'

const spec: EngineSpec = {
  name: 'engine',
  prefillTokensPerSecond: 1_000,
  stepMs: 10,
  stepPerAnswerMs: 1,
  maxRunning: 8,
  maxConcurrent: 8,
  kvTokens: 100_000,
  cacheTokens: 10_000,
  memoryGb: 8,
  loadGbPerSecond: 1,
  models: [{ name: 'm', sizeGb: 5 }],
}
const untilMs = 600_000
const priority = { high: 0, low: 2 }
/** A prompt of 1,000 tokens takes a second if nothing else is computed. */
const highTokens = 1_000
const idleMs = 1_000

/** Ten minutes of an engine that is full of requests of a low class, with one of the class high every five seconds. */
function simulate(reserved: number) {
  const agenda = new Agenda()
  const engine = new Engine(spec, agenda)
  const policy = {
    name: 'least connections',
    readingMs: 1_000,
    hasLine: true,
    line: { reserved: reservedShares({ high: reserved, normal: 0 }) },
    create: plainStrategy('least-connections'),
  }
  const gateway = new SimulatedGateway(agenda, [engine], policy, seeded(1))
  let count = 0
  const ask = (name: keyof typeof priority, promptTokens: number, answerTokens: number, onEnd = () => {}) => {
    const prompt = headOf('m', ++count, promptTokens)
    const request: Ask = {
      kind: 'batch',
      caller: name,
      priority: priority[name],
      conversation: count,
      model: 'm',
      prompt,
      answerTokens,
      answered: extended(prompt, count, answerTokens),
      onEnd,
    }
    gateway.submit(request)
  }
  const floods = (): void => {
    if (agenda.nowMs < untilMs) ask('low', 200, 400, floods)
  }
  for (let each = 0; each < 40; each++) floods()
  for (let atMs = 20_000; atMs < untilMs; atMs += 5_000) agenda.plan(atMs, () => ask('high', highTokens, 50))
  agenda.plan(untilMs, () => gateway.stop())
  agenda.run()
  const of = (name: string) => gateway.finished.filter((each) => each.ask.caller === name)
  const times = of('high').map(({ firstTokenMs }) => firstTokenMs)
  return {
    maxMs: Math.max(...times),
    meanMs: times.reduce((sum, each) => sum + each, 0) / times.length,
    lowCount: of('low').length,
    count: times.length,
  }
}

describe('an engine that is full of requests of a low class', () => {
  it('sends the first token of a high one within 1.5 times of an idle engine if places are reserved', () => {
    const without = simulate(0)
    const withTwo = simulate(0.25)
    assert.equal(withTwo.count, 116)
    assert.ok(withTwo.maxMs <= 1.5 * idleMs, `${withTwo.maxMs} ms`)
    assert.ok(without.maxMs > 1.5 * idleMs, `${without.maxMs} ms`)
    assert.ok(withTwo.lowCount >= 0.7 * without.lowCount, `${withTwo.lowCount} of ${without.lowCount}`)
  })
})
