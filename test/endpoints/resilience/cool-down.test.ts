import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CoolDowns } from '../../../src/endpoints/resilience/cool-down.ts'
import { ModelStates } from '../../../src/endpoints/resilience/model-states.ts'
import { ModelTable } from '../../../src/endpoints/resilience/model-table.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function create(answeredAtMs = Number.NEGATIVE_INFINITY) {
  const clock = new FakeClock()
  const models = new ModelStates(new ModelTable(8, 8), clock)
  const coolDowns = new CoolDowns(clock, new Float64Array(8), {
    models,
    hasAnsweredSince: (_slot, sinceMs) => answeredAtMs >= sinceMs,
  })
  const of = (slot: number, nativeModel?: string) => ({ endpoint: { slot }, nativeModel })
  return { clock, models, coolDowns, of }
}

describe('CoolDowns', () => {
  it('counts down and keeps the later of two', async () => {
    const { clock, coolDowns, of } = create()
    assert.equal(coolDowns.set(of(3), 1000), true)
    coolDowns.set(of(3), 500)
    assert.deepEqual([coolDowns.leftMs(of(3)), coolDowns.leftMs(of(4))], [1000, 0])
    await clock.advance(1000)
    assert.equal(coolDowns.leftMs(of(3)), 0)
  })

  it('pauses one model alone, or the endpoint for all', () => {
    const { models, coolDowns, of } = create()
    assert.equal(coolDowns.set(of(1, 'limited'), 1000), false)
    assert.deepEqual(
      [of(1, 'limited'), of(1, 'free'), of(1), of(2, 'limited')].map((each) => coolDowns.leftMs(each)),
      [1000, 0, 0, 0],
    )
    assert.deepEqual(models.pauses(1), [{ model: 'limited', leftMs: 1000 }])
    coolDowns.set(of(1), 3000)
    assert.equal(coolDowns.leftMs(of(1, 'free')), 3000)
  })

  it('pauses the endpoint if a second model requests it during the pause of the first', async () => {
    const { clock, coolDowns, of } = create()
    coolDowns.set(of(1, 'a'), 1000)
    await clock.advance(1001)
    assert.equal(coolDowns.set(of(1, 'b'), 1000), false)
    assert.equal(coolDowns.set(of(1, 'b'), 1000), false, 'the same model again')
    assert.equal(coolDowns.set(of(2, 'a'), 1000), false, 'another endpoint')
    assert.equal(coolDowns.set(of(1, 'c'), 500), true)
    assert.equal(coolDowns.leftMs(of(1, 'free')), 500)
  })

  it('infers a pause of the endpoint from 429s of two models in a row, within the validity of a 429 without a time', async () => {
    const { clock, coolDowns, of } = create()
    const withoutRetryAfterMs = 1_000
    assert.equal(coolDowns.set(of(1, 'a'), withoutRetryAfterMs), false)
    await clock.advance(999)
    assert.equal(coolDowns.set(of(1, 'b'), withoutRetryAfterMs), true)
    assert.equal(coolDowns.leftMs(of(1, 'free')), 1_000)
    await clock.advance(1_000)
    assert.deepEqual(
      ['a', 'b', 'free'].map((model) => coolDowns.leftMs(of(1, model))),
      [0, 0, 0],
    )
  })

  it('infers no pause if another model was answered meanwhile', () => {
    const { coolDowns, of } = create(Number.POSITIVE_INFINITY)
    coolDowns.set(of(1, 'a'), 1000)
    assert.equal(coolDowns.set(of(1, 'b'), 1000), false)
  })

  it('treats the pause of an only model as that of the endpoint', () => {
    const { models, coolDowns, of } = create()
    models.countModels = () => 1
    assert.equal(coolDowns.set(of(1, 'only'), 1000), true)
    assert.equal(coolDowns.leftMs(of(1, 'only')), 1000)
    assert.deepEqual(models.pauses(1), [])
  })

  it('limits a pause to five minutes', () => {
    const { coolDowns, of } = create()
    coolDowns.set(of(0), 3_600_000)
    coolDowns.set(of(1, 'a'), 3_600_000)
    assert.deepEqual([coolDowns.leftMs(of(0)), coolDowns.leftMs(of(1, 'a'))], [300_000, 300_000])
  })
})
