import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sectionOptions } from '../../../src/config/options/sections.ts'
import type { ModelUse } from '../../../src/endpoints/operations/contract/topics.ts'
import { ModelRules } from '../../../src/endpoints/operations/rules/model-rules.ts'
import { BoundedQueue } from '../../../src/kernel/bounded-queue.ts'
import { model, operationsOn } from './support.ts'

const second = 1_000
const minute = 60 * second

function rulesOn(
  names: readonly string[],
  section: Record<string, unknown>,
  models = [model('a'), model('b'), model('big')],
) {
  const parts = operationsOn(names, models)
  const uses: ModelUse[] = []
  const control = { leads: (_endpoint: string) => true, isEngineBusy: false }
  const options = (given: Record<string, unknown>) =>
    sectionOptions('models', { check_interval: '10s', ...given })
  const rules = new ModelRules(
    {
      ...parts,
      calls: ({ name }) => parts.serverOf(name),
      leads: (endpoint) => control.leads(endpoint),
      isEngineBusy: () => control.isEngineBusy,
      uses: async () => uses,
      queue: new BoundedQueue({ concurrency: 5, capacity: 64 }),
      onError: (error) => assert.fail(String(error)),
    },
    options(section),
    () => 0,
  )
  rules.start()
  /** Time with whole rounds of the queue, which takes turns of the event loop. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= second) {
      await parts.clock.advance(Math.min(second, left))
      await new Promise((resolve) => setImmediate(resolve))
      await parts.clock.advance(0)
    }
  }
  const states = () =>
    rules.views().map(({ rule, model: name, endpoint, state }) => `${rule} ${name} ${endpoint} ${state}`)
  return {
    ...parts,
    rules,
    uses,
    control,
    pass,
    states,
    configure: (next: Record<string, unknown>) => rules.configure(options(next)),
  }
}

describe('models.keep_warm', () => {
  it('loads a model, renews its time, and loads it again when it has left', async () => {
    const { clock, serverOf, pass, states } = rulesOn(['box'], { keep_warm: [{ model: 'a' }] })
    const box = serverOf('box')
    box.expiresAtMs = clock.nowMs() + 30 * minute
    await pass(second)
    assert.deepEqual(box.asked, ['/api/generate a 30m'])
    await pass(10 * second)
    assert.deepEqual(states(), ['keep_warm a box warm'])
    await pass(14 * minute)
    assert.equal(box.asked.length, 1)
    await pass(2 * minute)
    assert.ok(box.asked.length > 1, 'asks before the half hour is over')
    const before = box.asked.length
    box.expiresAtMs = clock.nowMs() + 60 * minute
    box.loaded.clear()
    await pass(11 * second)
    assert.equal(box.asked.length, before + 1)
    assert.ok(box.loaded.has('a'))
  })

  it('backs off after failures, and when another model displaces it', async () => {
    const { serverOf, pass, states, rules } = rulesOn(['box'], { keep_warm: [{ model: 'a' }] })
    const box = serverOf('box')
    await pass(second)
    box.asked.length = 0
    // Displaced at once, again and again: not every ten seconds.
    for (let round = 0; round < 60; round++) {
      box.loaded.clear()
      await pass(10 * second)
    }
    assert.ok(box.asked.length >= 2 && box.asked.length <= 6, `${box.asked.length} loads in ten minutes`)
    assert.deepEqual(states(), ['keep_warm a box waiting'])
    const [view] = rules.views()
    assert.match(view?.detail ?? '', /displaced/)
    assert.ok(view?.nextAtMs !== undefined)
  })

  it('keeps to its hours, and to the endpoints that it names', async () => {
    const hours = { days: [], hours: '00:00-12:00', time_zone: 'UTC' }
    const { clock, serverOf, pass, states } = rulesOn(['box', 'two'], {
      keep_warm: [{ model: 'a', endpoints: ['b*'], ...hours }],
    })
    const toNoonMs = 12 * 60 * minute - (clock.nowMs() % (24 * 60 * minute))
    const isMorning = toNoonMs > 0
    await pass(second)
    assert.deepEqual(states(), [`keep_warm a box ${isMorning ? 'warm' : 'off'}`])
    assert.equal(serverOf('box').asked.length, isMorning ? 1 : 0)
    assert.equal(serverOf('two').asked.length, 0)
    // To the other half of the day, in one step.
    await clock.advance(isMorning ? toNoonMs : toNoonMs + 12 * 60 * minute)
    await pass(20 * second)
    assert.deepEqual(states(), [`keep_warm a box ${isMorning ? 'off' : 'warm'}`])
  })

  it('is applied by one replica, and only at endpoints that are available', async () => {
    const { control, registry, serverOf, pass, states } = rulesOn(['box', 'two'], {
      keep_warm: [{ model: 'a', endpoints: ['box', 'two'] }],
    })
    control.leads = (endpoint) => endpoint !== 'box'
    registry.setStatus(1, 'offline', 'test')
    await pass(second)
    assert.deepEqual(states(), ['keep_warm a box elsewhere', 'keep_warm a two unavailable'])
    assert.equal(serverOf('box').asked.length + serverOf('two').asked.length, 0)
  })

  it('needs no timer without rules, and follows changes', async () => {
    const { clock, configure, serverOf, pass, states, rules } = rulesOn(['box'], {})
    assert.equal(clock.armed, 0)
    await pass(minute)
    assert.deepEqual(serverOf('box').asked, [])
    configure({ keep_warm: [{ model: 'b' }] })
    await pass(2 * second)
    assert.deepEqual(serverOf('box').asked, ['/api/generate b 30m'])
    configure({})
    assert.deepEqual(states(), [])
    rules.stop()
  })
})

describe('models.unload_after', () => {
  it('unloads what is idle, by the first rule that fits, but never what is kept warm', async () => {
    const { serverOf, uses, clock, pass, states } = rulesOn(['box'], {
      keep_warm: [{ model: 'b' }],
      unload_after: [{ idle: '10m', models: ['big*'] }, { idle: '1m' }],
    })
    const box = serverOf('box')
    for (const name of ['a', 'b', 'big']) box.loaded.set(name, box.expiresAtMs)
    await pass(50 * second)
    assert.deepEqual([...box.loaded.keys()], ['a', 'b', 'big'])
    uses.push({ endpoint: 'box', model: 'a', usedAtMs: clock.monotonicMs() })
    uses.push({ endpoint: 'other', model: 'big', usedAtMs: clock.monotonicMs() })
    await pass(50 * second)
    assert.ok(box.loaded.has('a'), 'used in time')
    await pass(30 * second)
    assert.deepEqual([...box.loaded.keys()], ['b', 'big'])
    assert.deepEqual(states(), ['keep_warm b box warm', 'unload_after big box idle'])
    await pass(10 * minute)
    assert.deepEqual([...box.loaded.keys()], ['b'])
  })

  it('leaves a model that is in use, or whose engine works for others', async () => {
    const { serverOf, state, control, pass, told } = rulesOn(['box'], { unload_after: [{ idle: '30s' }] })
    const box = serverOf('box')
    box.loaded.set('a', box.expiresAtMs)
    control.isEngineBusy = true
    await pass(2 * minute)
    assert.deepEqual(told, [])
    control.isEngineBusy = false
    state.busy = 1
    await pass(2 * minute)
    assert.ok(box.loaded.has('a'))
    assert.ok(told.length <= 3, told.join('\n'))
    state.busy = 0
    await pass(5 * minute)
    assert.ok(!box.loaded.has('a'))
  })

  it('does not forget when a model was used while its endpoint is away', async () => {
    const { serverOf, pass } = rulesOn(['box'], { unload_after: [{ idle: '1m' }] })
    const box = serverOf('box')
    box.loaded.set('a', box.expiresAtMs)
    await pass(40 * second)
    box.failure = 'connection refused'
    await pass(15 * second)
    box.failure = undefined
    await pass(20 * second)
    assert.ok(!box.loaded.has('a'))
  })
})
