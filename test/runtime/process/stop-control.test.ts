import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StopControl, type StopResult } from '../../../src/runtime/process/stop-control.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function control(stop: () => Promise<StopResult>) {
  const clock = new FakeClock()
  const calls: string[] = []
  const notes: unknown[] = []
  const stopping = new StopControl({
    clock,
    limitMs: 15_000,
    stop(cause) {
      calls.push('signal' in cause ? cause.signal : String(cause.error))
      return stop()
    },
    note: (error) => void notes.push(error),
    end: (code, isClean) => void calls.push(`end ${code} ${isClean ? 'clean' : 'at once'}`),
  })
  return { clock, stopping, calls, notes }
}

const never = () => new Promise<StopResult>(() => {})
const clean = async () => ({ code: 0, isClean: true })

describe('a stop', () => {
  it('ends with the code of its result', async () => {
    const { stopping, calls, clock } = control(async () => ({ code: 1, isClean: true }))
    stopping.signal('SIGTERM')
    await clock.advance(0)
    assert.deepEqual(calls, ['SIGTERM', 'end 1 clean'])
  })

  it('ends at its limit', async () => {
    const { stopping, calls, clock } = control(never)
    stopping.signal('SIGTERM')
    await clock.advance(14_999)
    assert.deepEqual(calls, ['SIGTERM'])
    await clock.advance(1)
    assert.deepEqual(calls, ['SIGTERM', 'end 1 at once'])
  })

  it('ends at once on a second signal, which may be another one', async () => {
    const { stopping, calls } = control(never)
    stopping.signal('SIGTERM')
    stopping.signal('SIGINT')
    assert.deepEqual(calls, ['SIGTERM', 'end 1 at once'])
  })

  it('counts a signal that is delivered twice once', async () => {
    const { stopping, calls, clock } = control(never)
    stopping.signal('SIGINT')
    await clock.advance(499)
    stopping.signal('SIGINT')
    assert.deepEqual(calls, ['SIGINT'])
    await clock.advance(1)
    stopping.signal('SIGINT')
    assert.deepEqual(calls, ['SIGINT', 'end 1 at once'])
  })

  it('does not count SIGHUP as a second signal', async () => {
    const { stopping, calls } = control(never)
    stopping.signal('SIGTERM')
    stopping.signal('SIGHUP')
    assert.deepEqual(calls, ['SIGTERM'])
  })

  it('ends with 1 after an error, even if all requests had finished', async () => {
    const { stopping, calls, clock } = control(clean)
    stopping.fail('boom')
    await clock.advance(0)
    assert.deepEqual(calls, ['boom', 'end 1 clean'])
  })

  it('continues if an error occurs meanwhile', async () => {
    const { stopping, calls, notes, clock } = control(clean)
    stopping.signal('SIGTERM')
    stopping.fail('boom')
    await clock.advance(0)
    assert.deepEqual([calls, notes], [['SIGTERM', 'end 1 clean'], ['boom']])
  })

  it('ends if it fails itself', async () => {
    const { stopping, calls, notes, clock } = control(() => Promise.reject(new Error('no')))
    stopping.signal('SIGTERM')
    await clock.advance(0)
    assert.deepEqual(calls, ['SIGTERM', 'end 1 at once'])
    assert.equal(notes.length, 1)
  })
})
