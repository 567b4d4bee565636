import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { GrowingBody } from '../../../src/kernel/memory/growing-body.ts'
import { budgetOf } from '../../support/buffer-budget.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const never = () => assert.fail('there is room')
const chunksOf = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 12 })

describe('a growing body', () => {
  it('contains the received bytes, in little more memory than that', () => {
    fc.assert(
      fc.property(chunksOf, fc.boolean(), (sizes, isAnnounced) => {
        const total = sizes.reduce((sum, each) => sum + each, 0)
        const budget = budgetOf(0)
        const body = new GrowingBody(budget, isAnnounced ? total : undefined, 10_000_000, never)
        let came = 0
        for (const [index, size] of sizes.entries()) {
          assert.ok(body.push(Buffer.alloc(size, index + 1)))
          came += size
          assert.ok(budget.heldBytes <= Math.max(65_536, 2 * came) + 1_024)
        }
        const whole = body.take()
        assert.deepEqual(whole, Buffer.concat(sizes.map((size, index) => Buffer.alloc(size, index + 1))))
        assert.ok(whole.buffer.byteLength <= total + 65_536)
        const left = whole.buffer.byteLength < 16_384 ? total : 0
        body.release()
        assert.deepEqual([whole.length, budget.heldBytes], [left, 0])
      }),
      { numRuns: 50 },
    )
  })

  it('costs almost nothing while its length is only announced', () => {
    const budget = budgetOf(0)
    const body = new GrowingBody(budget, 100_000_000, 100_000_000, never)
    body.push(Buffer.from('{'))
    assert.equal(budget.heldBytes, 65_536)
  })

  it('is copied at most once', () => {
    const budget = budgetOf(0)
    const body = new GrowingBody(budget, 32_000_000, 32_000_000, never)
    let held = 0
    let copied = 0
    const piece = Buffer.alloc(64_000)
    for (let came = 0; came < 32_000_000; came += piece.length) {
      body.push(piece)
      if (budget.heldBytes === held) continue
      held = budget.heldBytes
      copied += came
    }
    assert.ok(copied <= 32_000_000, `${copied} bytes`)
  })

  it('waits for memory with its received bytes, and continues in order', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(200_704, clock)
    const other = budget.open()
    other.take(100_000, never)
    const told: unknown[] = []
    const body = new GrowingBody(budget, 100_000, 100_000, (error) => told.push(error))
    assert.ok(body.push(Buffer.alloc(20_000, 'a')))
    assert.equal(body.push(Buffer.alloc(40_000, 'b')), true)
    assert.equal(body.push(Buffer.alloc(20_000, 'c')), true)
    const late = new GrowingBody(budget, 100_000, 100_000, (error) => told.push(error))
    assert.equal(late.push(Buffer.alloc(20_000, 'd')), false)
    assert.equal(late.push(Buffer.alloc(20_000, 'e')), false)
    await clock.advance(500)
    assert.deepEqual(told, [])
    other.release()
    assert.deepEqual(told, [undefined])
    assert.equal(late.bytes, 40_000)
    assert.equal(late.take().toString('latin1'), `${'d'.repeat(20_000)}${'e'.repeat(20_000)}`)
    body.over()
    late.over()
    assert.equal(budget.heldBytes, 0)
  })

  it('reports that there is no memory, and then holds none', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(1_024, clock)
    const told: unknown[] = []
    const body = new GrowingBody(budget, 100_000, 100_000, (error) => told.push(error?.code))
    assert.equal(body.push(Buffer.alloc(2_000)), false)
    await clock.advance(6_000)
    assert.deepEqual([told, budget.heldBytes], [['memory_busy'], 0])
  })

  it('keeps a taken body after the end of its request', () => {
    const budget = budgetOf(0)
    const body = new GrowingBody(budget, 10, 10, never)
    body.push(Buffer.from('0123456789'))
    const whole = body.take()
    body.over()
    assert.deepEqual([whole.toString(), budget.heldBytes], ['0123456789', 0])
  })
})
