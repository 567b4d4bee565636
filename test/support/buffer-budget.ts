import type { Clock } from '../../src/kernel/clock.ts'
import { BufferBudget, type BufferBudgetOptions } from '../../src/kernel/memory/buffer-budget.ts'
import { violationColumns } from '../../src/runtime/cells/counted.ts'
import { CounterTable } from '../../src/runtime/cells/counter-table.ts'
import { Gauge } from '../../src/runtime/cells/gauge.ts'
import { FakeClock } from './fake-clock.ts'

/** A budget of its own; 0 is no limit. */
export function budgetOf(
  limitBytes: number,
  clock: Clock = new FakeClock(),
  options: Partial<BufferBudgetOptions> = {},
  buffered = new Gauge(1),
): BufferBudget {
  const violations = new CounterTable(violationColumns, 1)
  return new BufferBudget({ buffered, violations }, clock, { limitBytes, ...options })
}
