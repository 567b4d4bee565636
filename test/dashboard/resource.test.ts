import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { ApiError } from '../../dashboard/src/api/api-error.ts'
import { createResource } from '../../dashboard/src/live/resource.ts'
import { settle } from '../support/fake-clock.ts'

let loads: AbortSignal[]
let answer: () => Promise<string>
const load = (signal: AbortSignal) => {
  loads.push(signal)
  return answer()
}

async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms)
  await settle()
}

describe('a refreshed resource', () => {
  beforeEach(() => {
    loads = []
    answer = async () => 'value'
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 })
    // Without jitter.
    mock.method(Math, 'random', () => 0.5)
  })
  afterEach(() => {
    mock.timers.reset()
    mock.restoreAll()
  })

  it('is loaded only while it is watched', async () => {
    const resource = createResource({ load, everyMs: 1000 })
    await pass(5000)
    assert.equal(loads.length, 0)
    const first = resource.watch()
    const second = resource.watch()
    await settle()
    assert.deepEqual(resource.state.value, { value: 'value', error: undefined })
    await pass(1000)
    first()
    first()
    await pass(1000)
    assert.equal(loads.length, 3)
    second()
    await pass(5000)
    assert.equal(loads.length, 3)
  })

  it('combines several requests into one load, and repeats a load for one that arrives meanwhile', async () => {
    const resource = createResource({ load, everyMs: 60_000, gapMs: 250 })
    resource.watch()
    await settle()
    resource.refresh()
    resource.refresh()
    await pass(249)
    assert.equal(loads.length, 1)
    let finish = (_text: string) => {}
    answer = () => new Promise((resolve) => (finish = resolve))
    await pass(1)
    assert.equal(loads.length, 2)
    resource.refresh()
    finish('second')
    await settle()
    await pass(250)
    assert.equal(loads.length, 3)
  })

  it('discards an outdated load', async () => {
    const resource = createResource({ load, everyMs: 60_000 })
    answer = () => new Promise(() => {})
    resource.watch()
    answer = async () => 'newer'
    resource.reload()
    await settle()
    assert.equal(loads[0]?.aborted, true)
    assert.equal(resource.state.value.value, 'newer')
  })

  it('keeps its data when a load fails, and keeps trying', async () => {
    const resource = createResource({ load, everyMs: 1000 })
    resource.watch()
    await settle()
    answer = () => Promise.reject(new ApiError('unreachable', 0, 'gone'))
    await pass(1000)
    assert.equal(resource.state.value.value, 'value')
    assert.equal(resource.state.value.error?.trouble, 'unreachable')
    answer = async () => 'back'
    await pass(1000)
    assert.deepEqual(resource.state.value, { value: 'back', error: undefined })
  })

  it('loads four times less often while it is not visible', async () => {
    const resource = createResource({ load, everyMs: 1000, isHidden: () => true })
    resource.watch()
    await settle()
    await pass(3999)
    assert.equal(loads.length, 1)
    await pass(1)
    assert.equal(loads.length, 2)
  })

  it('can be updated by events once it is loaded', async () => {
    const resource = createResource({ load, everyMs: 1000 })
    resource.change((value) => `${value}!`)
    assert.equal(resource.state.value.value, undefined)
    resource.watch()
    await settle()
    resource.change((value) => `${value}!`)
    assert.equal(resource.state.value.value, 'value!')
  })
})
