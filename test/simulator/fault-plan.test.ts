import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { type Fault, FaultPlan, type FaultTarget } from '../../simulator/faults.ts'

const chat: FaultTarget = { path: '/v1/chat/completions', isHealthRoute: false, isInference: true }
const list: FaultTarget = { path: '/v1/models', isHealthRoute: false, isInference: false }
const health: FaultTarget = { path: '/health', isHealthRoute: true, isInference: false }

suite('FaultPlan', () => {
  test('a fault without a path does not affect lists and health', () => {
    const plan = new FaultPlan()
    plan.add({ kind: 'hang' })
    assert.equal(plan.take(list).answering, undefined)
    assert.equal(plan.take(health).answering, undefined)
    assert.equal(plan.take(chat).answering?.kind, 'hang')
  })

  test('a path matches all paths with that prefix', () => {
    const plan = new FaultPlan()
    plan.add({ kind: 'hang', path: '/v1/mod' })
    assert.equal(plan.take(chat).answering, undefined)
    assert.equal(plan.take(list).answering?.kind, 'hang')
    plan.add({ kind: 'die', path: '/' })
    assert.equal(plan.take(health).answering?.kind, 'die')
  })

  test('faults of different phases combine, and the first of a phase applies', () => {
    const plan = new FaultPlan()
    plan.add({ kind: 'slow_reader', times: 1 })
    plan.add({ kind: 'status', status: 500, times: 1 })
    plan.add({ kind: 'delay', delayMs: 1, times: 1 })
    plan.add({ kind: 'status', status: 429, times: 1 })
    const first = plan.take(chat)
    assert.equal(first.reading?.kind, 'slow_reader')
    assert.equal(first.waiting?.delayMs, 1)
    assert.deepEqual(first.answering, { kind: 'status', status: 500, times: 1 })
    const second = plan.take(chat)
    assert.deepEqual(second, {
      reading: undefined,
      waiting: undefined,
      answering: { kind: 'status', status: 429, times: 1 },
    })
    assert.deepEqual(plan.active, [])
  })

  test('a health fault affects the health route only', () => {
    const plan = new FaultPlan()
    plan.add({ kind: 'health' })
    assert.equal(plan.take(chat).answering, undefined)
    assert.equal(plan.take(health).answering?.kind, 'health')
  })

  test('a probability applies a fault to a share of requests, and skipped ones are not counted down', () => {
    const chances = [0.5, 0.1, 0.3]
    const plan = new FaultPlan(() => chances.shift() ?? 1)
    plan.add({ kind: 'hang', probability: 0.3, times: 2 })
    const hits = [chat, list, chat, chat].map((target) => plan.take(target).answering !== undefined)
    assert.deepEqual(hits, [false, false, true, false])
    assert.equal(plan.active.length, 1)
  })

  test('in any order of requests a fault hits exactly as often as configured', () => {
    const target = fc.constantFrom(chat, list, health)
    fc.assert(
      fc.property(fc.array(target, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (targets, times) => {
        const plan = new FaultPlan()
        const fault: Fault = { kind: 'hang', times }
        plan.add(fault)
        const hits = targets.filter((each) => plan.take(each).answering !== undefined)
        const chats = targets.filter((each) => each === chat).length
        assert.equal(hits.length, Math.min(times, chats))
        assert.ok(hits.every((each) => each === chat))
        assert.equal(plan.active.length, chats < times ? 1 : 0)
      }),
    )
  })
})
