import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Agenda } from '../../bench/affinity/fleet.ts'
import { policies } from '../../bench/fleet/compared.ts'
import { Engine, type EngineSpec, type EngineWork } from '../../bench/fleet/engine.ts'
import { type Load, loads } from '../../bench/fleet/loads.ts'
import { extended, headOf, PrefixCache, type Prompt } from '../../bench/fleet/prefix-cache.ts'
import { simulate } from '../../bench/fleet/simulate.ts'

const spec: EngineSpec = {
  name: 'engine',
  prefillTokensPerSecond: 1_000,
  stepMs: 10,
  stepPerAnswerMs: 5,
  maxRunning: 2,
  maxConcurrent: 2,
  kvTokens: 10_000,
  cacheTokens: 2_000,
  memoryGb: 8,
  loadGbPerSecond: 1,
  models: [{ name: 'm', sizeGb: 5 }],
}

function world(changes: Partial<EngineSpec> = {}) {
  const agenda = new Agenda()
  const engine = new Engine({ ...spec, ...changes }, agenda)
  const seen: string[] = []
  const ask = (name: string, prompt: Prompt, model = 'm', answerTokens = 10): EngineWork => ({
    prompt,
    model,
    answerTokens,
    answered: extended(prompt, 999, answerTokens),
    onFirstToken: () => seen.push(`${name} begins ${agenda.nowMs.toFixed(0)}`),
    onEnd: () => seen.push(`${name} ends ${agenda.nowMs.toFixed(0)}`),
    onFailure: () => seen.push(`${name} fails`),
  })
  return { agenda, engine, seen, ask }
}

describe('a simulated engine', () => {
  it('computes prompts one after the other and generates answers together', () => {
    const { agenda, engine, seen, ask } = world()
    engine.submit(ask('a', headOf('m', 1, 1_000)))
    engine.submit(ask('b', headOf('m', 2, 1_000), 'm', 100))
    agenda.run()
    // While b's prompt is computed, a's ten tokens take 20 ms each; b's then take 10.
    assert.deepEqual(seen, ['a begins 1000', 'a ends 1200', 'b begins 2000', 'b ends 3000'])
  })

  it('skips what its prefix cache holds, also what it generated', () => {
    const { agenda, engine, seen, ask } = world()
    const first = headOf('m', 1, 1_000)
    engine.submit(ask('a', first))
    agenda.run()
    engine.submit(ask('b', extended(extended(first, 999, 10), 2, 100)))
    agenda.run()
    assert.deepEqual(seen, ['a begins 1000', 'a ends 1100', 'b begins 1200', 'b ends 1300'])
  })

  it('unloads an idle model to load another, and waits for a busy one', () => {
    const two = [...spec.models, { name: 'n', sizeGb: 5 }]
    const { agenda, engine, seen, ask } = world({ models: two })
    engine.submit(ask('a', headOf('m', 1, 1_000)))
    engine.submit(ask('b', headOf('n', 1, 1_000), 'n'))
    agenda.run()
    assert.deepEqual(seen, ['a begins 6000', 'a ends 6100', 'b begins 12100', 'b ends 12200'])
    assert.equal(engine.loads, 2)
  })

  it('fails everything when it dies, and forgets its cache', () => {
    const { agenda, engine, seen, ask } = world()
    engine.submit(ask('a', headOf('m', 1, 1_000)))
    agenda.plan(2_000, () => {
      engine.submit(ask('b', headOf('m', 2, 1_000)))
      engine.die()
      engine.submit(ask('c', headOf('m', 1, 1_000)))
      engine.comeBack()
      engine.submit(ask('d', headOf('m', 1, 1_000)))
    })
    agenda.run()
    const after = ['b fails', 'c fails', 'd begins 3000', 'd ends 3100']
    assert.deepEqual(seen, ['a begins 1000', 'a ends 1100', ...after])
  })

  it('evicts the end of a prompt before its start', () => {
    const cache = new PrefixCache(1_500)
    const long = extended(headOf('m', 1, 1_000), 2, 600)
    cache.add(long)
    assert.equal(cache.match(long), 1_000)
  })
})

describe('a simulated fleet', () => {
  const load = loads.find(({ name }) => name === 'team-people')
  const short = (changes: Partial<Load> = {}): Load => ({
    ...(load ?? assert.fail()),
    untilMs: 120_000,
    ...changes,
  })

  it('gives the same figures each time', () => {
    for (const policy of policies) {
      assert.deepEqual(simulate(short(), policy, [1]), simulate(short(), policy, [1]), policy.name)
    }
  })

  it('loses no request when an engine dies and returns', () => {
    const incidents = [
      { slot: 0, atMs: 30_000, what: 'dies' },
      { slot: 0, atMs: 60_000, what: 'returns' },
    ] as const
    for (const policy of policies) {
      const { failed, requests } = simulate(short({ incidents }), policy, [1, 2])
      assert.equal(failed, 0, policy.name)
      assert.ok(requests > 100, policy.name)
    }
  })
})
