import { CounterTable } from '../../src/kernel/cells/counter-table.ts'
import { Gauge } from '../../src/kernel/cells/gauge.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { BufferBudget, type BufferBudgetOptions } from '../../src/kernel/memory/buffer-budget.ts'
import { FakeClock } from './fake-clock.ts'

/** A budget of its own; 0 is no limit. */
export function budgetOf(
  limitBytes: number,
  clock: Clock = new FakeClock(),
  options: Partial<BufferBudgetOptions> = {},
  buffered = new Gauge(1),
): BufferBudget {
  const counts = new CounterTable(['refusals'], 1)
  return new BufferBudget({ buffered, counts }, clock, { limitBytes, ...options })
}
