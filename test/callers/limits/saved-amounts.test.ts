import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { noLimits } from '../../../src/callers/contract/defaults.ts'
import { noChange } from '../../../src/callers/directory/directory-data.ts'
import type { SavedAmount } from '../../../src/callers/limits/contract.ts'
import { callerLimitCells } from '../../../src/callers/limits/limit-cells.ts'
import { LimitWindows, limitName, limitSpecs, rowKey } from '../../../src/callers/limits/limit-plan.ts'
import { LimitRow } from '../../../src/callers/limits/limit-row.ts'
import { noCharge } from '../../../src/callers/limits/open-charges.ts'
import { SavedAmounts } from '../../../src/callers/limits/saved-amounts.ts'
import type { Limits } from '../../../src/config/schema/callers-schema.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'

type Budget = Limits['budgets'][number]
const dayMs = 86_400_000
const startMs = Date.parse('2027-01-31T12:00:00Z')

/** Amounts as a database keeps them. */
class Store {
  readonly amounts = new Map<string, SavedAmount>()

  add(changes: readonly SavedAmount[]): void {
    for (const change of changes) {
      const name = `${change.kind} ${change.id} ${change.window} ${change.bucket}`
      const before = this.amounts.get(name)?.amount ?? 0
      this.amounts.set(name, { ...change, amount: before + change.amount })
    }
  }

  get all(): SavedAmount[] {
    return [...this.amounts.values()]
  }

  get total(): number {
    return this.all.reduce((sum, { amount }) => sum + amount, 0)
  }
}

/** A gateway as far as it counts for one key. */
function start(store: Store, budget: Partial<Budget> = {}) {
  const clock = { wallMs: startMs, monotonicMs: 0 }
  const budgets: Budget[] = [
    { amount: 1_000_000, unit: 'tokens', period: 'day', window: 'calendar', soft: 0, ...budget },
  ]
  let limits: Limits | undefined = { ...noLimits, budgets }
  const cells = new SharedState().of(callerLimitCells)
  const windows = new LimitWindows('UTC')
  const amounts = new SavedAmounts({
    cells,
    windows,
    now: () => clock,
    content: () => ({
      ...noChange,
      keys: [
        {
          id: 'key_1',
          name: 'ci',
          owner: undefined,
          team: undefined,
          enabled: true,
          expiresAtMs: undefined,
          policy: undefined,
          limits,
          hashes: [],
        },
      ],
    }),
  })
  const [spec] = limitSpecs({ ...noLimits, budgets }, windows)
  assert.ok(spec !== undefined)
  const at = cells.amounts.exclusively(() =>
    cells.amounts.take(rowKey('key', 'key_1', limitName(spec)), () => false),
  )
  assert.ok(at !== undefined)
  const row = new LimitRow(at, spec.window, cells)
  const current = () => spec.window.bucketAt(clock)
  return {
    amounts,
    clock,
    cells,
    row,
    use(tokens: number) {
      assert.ok(row.add(current(), tokens, Number.MAX_SAFE_INTEGER))
      row.settle(row.bucket, 0)
    },
    /** Reserves, and notes it as the limiter of a thread does. */
    reserve(tokens: number) {
      assert.ok(row.add(current(), tokens, Number.MAX_SAFE_INTEGER))
      const first = cells.open.add(at, row.bucket, tokens, spec.window.index, noCharge)
      return (used: number) => {
        cells.open.remove(first)
        row.settle(row.bucket, used - tokens)
      }
    },
    held: () => row.sum(current()),
    save: () => store.add(amounts.changes()),
    read: () => amounts.merge(store.all),
    setLimits(isLimited: boolean) {
      limits = isLimited ? { ...noLimits, budgets } : undefined
      amounts.forget()
    },
  }
}

describe('amounts that several gateways share', () => {
  for (const window of ['calendar', 'rolling'] as const) {
    it(`add up, whatever the order of saving, reading and restarting: ${window}`, () => {
      const step = fc.record({
        at: fc.nat(2),
        act: fc.constantFrom('use', 'save', 'read', 'restart'),
        tokens: fc.integer({ min: 1, max: 1_000 }),
      })
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const store = new Store()
          const open = () => start(store, { window })
          const gateways = [open(), open(), open()]
          let used = 0
          for (const { at, act, tokens } of steps) {
            const gateway = gateways[at] ?? assert.fail()
            if (act === 'use') {
              used += tokens
              gateway.use(tokens)
            } else if (act === 'restart') {
              gateway.save()
              gateways[at] = open()
              gateways[at]?.read()
            } else gateway[act]()
          }
          for (const gateway of gateways) gateway.save()
          assert.equal(store.total, used)
          for (const gateway of gateways) {
            gateway.read()
            assert.equal(gateway.held(), used)
            assert.deepEqual(gateway.amounts.changes(), [], 'what was read is not saved again')
          }
        }),
        { numRuns: 40 },
      )
    })
  }

  it('hold what was used, not what is reserved', () => {
    const store = new Store()
    const one = start(store)
    const settle = one.reserve(4_096)
    one.use(10)
    one.save()
    assert.equal(store.total, 10)
    settle(50)
    one.save()
    assert.deepEqual([store.total, one.held()], [60, 60])
  })

  it('lose what a thread had reserved when it ended, and nothing else', () => {
    const store = new Store()
    const one = start(store)
    one.use(10)
    const late = one.reserve(4_096)
    one.reserve(1_000)(30)
    one.save()
    one.amounts.reclaim(0)
    assert.equal(one.held(), 40)
    one.save()
    assert.equal(store.total, 40)
    one.amounts.reclaim(0)
    assert.equal(one.held(), 40)
    assert.ok(!one.cells.open.has(1), 'a request of the thread that settles late finds nothing')
    assert.equal(typeof late, 'function')
  })

  it('are taken over by a limit that is removed and set again', () => {
    const store = new Store()
    const [one, two] = [start(store), start(store)]
    one.use(10)
    one.save()
    two.setLimits(false)
    two.read()
    assert.equal(two.held(), 0)
    two.setLimits(true)
    two.read()
    assert.equal(two.held(), 10)
    two.setLimits(false)
    two.use(5)
    two.save()
    two.setLimits(true)
    two.read()
    two.save()
    assert.deepEqual([two.held(), store.total], [15, 15])
  })

  it('wait for their bucket if another clock is ahead', () => {
    const store = new Store()
    const [one, two] = [start(store), start(store)]
    one.clock.wallMs += dayMs
    one.use(7)
    one.save()
    two.use(3)
    two.read()
    assert.equal(two.held(), 3)
    two.clock.wallMs += dayMs
    two.amounts.merge([])
    assert.equal(two.held(), 7)
  })

  it('are read into past buckets of a rolling window, and into none that is over', () => {
    const store = new Store()
    const one = start(store, { window: 'rolling' })
    one.use(7)
    one.save()
    const two = start(store, { window: 'rolling' })
    two.clock.wallMs += dayMs / 2
    two.use(3)
    two.read()
    assert.equal(two.held(), 10)
    two.clock.wallMs += dayMs / 2 + dayMs / 6
    assert.equal(two.held(), 3)
    const three = start(store, { window: 'rolling' })
    three.clock.wallMs += 2 * dayMs
    three.read()
    assert.equal(three.held(), 0)
    assert.ok(store.all.every((amount) => three.amounts.isOver(amount)))
  })
})
