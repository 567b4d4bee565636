import type { Signal } from '@preact/signals'
import type { Limits } from '../../api/types.ts'
import { type BudgetForm, emptyBudget } from '../../state/caller-form.ts'
import { Choice } from '../fields.tsx'

type Budget = Limits['budgets'][number]

const units: readonly (readonly [Budget['unit'], string])[] = [
  ['money', 'money'],
  ['tokens', 'tokens'],
]
const periods: readonly (readonly [Budget['period'], string])[] = [
  ['hour', 'per hour'],
  ['day', 'per day'],
  ['week', 'per week'],
  ['month', 'per month'],
  ['ever', 'for ever'],
]
const windows: readonly (readonly [Budget['window'], string])[] = [
  ['calendar', 'by the calendar'],
  ['rolling', 'rolling'],
]

export interface BudgetFieldsProps {
  readonly id: string
  readonly budgets: Signal<readonly BudgetForm[]>
}

/** The budgets of a form, each on a line of its own. */
export function BudgetFields({ id, budgets }: BudgetFieldsProps) {
  const change = (at: number, by: Partial<BudgetForm>) => {
    budgets.value = budgets.peek().map((budget, index) => (index === at ? { ...budget, ...by } : budget))
  }
  return (
    <fieldset class="budgets">
      <legend>Budgets</legend>
      {budgets.value.map((budget, at) => {
        const name = `Budget ${at + 1}`
        return (
          <div key={at} class="budget">
            <input
              id={`${id}-${at}`}
              class="field"
              type="number"
              min="0"
              step="any"
              required
              aria-label={`${name}: amount`}
              placeholder="amount"
              value={budget.amount}
              onInput={(event) => change(at, { amount: event.currentTarget.value })}
            />
            <Pick
              label={`${name}: unit`}
              of={units}
              value={budget.unit}
              on={(unit) => change(at, { unit })}
            />
            <Pick
              label={`${name}: period`}
              of={periods}
              value={budget.period}
              on={(period) => change(at, { period })}
            />
            <Pick
              label={`${name}: window`}
              of={windows}
              value={budget.window}
              on={(window) => change(at, { window })}
            />
            <input
              class="field"
              type="number"
              min="0"
              max="100"
              step="any"
              aria-label={`${name}: warns at percent`}
              placeholder="warns at %"
              value={budget.soft}
              onInput={(event) => change(at, { soft: event.currentTarget.value })}
            />
            <button
              type="button"
              class="button"
              aria-label={`Remove budget ${at + 1}`}
              onClick={() => (budgets.value = budgets.peek().filter((_, index) => index !== at))}
            >
              ✕
            </button>
          </div>
        )
      })}
      <p class="buttons">
        <button
          type="button"
          class="button"
          onClick={() => (budgets.value = [...budgets.peek(), emptyBudget])}
        >
          Add a budget
        </button>
      </p>
    </fieldset>
  )
}

interface PickProps<T extends string> {
  readonly label: string
  readonly of: readonly (readonly [T, string])[]
  readonly value: T
  readonly on: (value: T) => void
}

function Pick<T extends string>({ label, of, value, on }: PickProps<T>) {
  return (
    <Choice
      label={label}
      value={value}
      options={of}
      onChoose={(chosen) => {
        const found = of.find(([id]) => id === chosen)
        if (found !== undefined) on(found[0])
      }}
    />
  )
}
