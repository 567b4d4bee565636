import { type Signal, useSignal } from '@preact/signals'
import { ApiError } from '../api/api-error.ts'
import { FormError } from '../state/caller-form.ts'

export interface Action {
  readonly isRunning: Signal<boolean>
  /** Why the last run failed; empty if it did not. */
  readonly failure: Signal<string>
  /** Runs one change at a time; true if it succeeded. */
  readonly run: (change: () => Promise<void>) => Promise<boolean>
}

/** A change of the gateway's state, requested by a button or a form. */
export function useAction(): Action {
  const isRunning = useSignal(false)
  const failure = useSignal('')
  return {
    isRunning,
    failure,
    async run(change) {
      if (isRunning.peek()) return false
      isRunning.value = true
      failure.value = ''
      try {
        await change()
        return true
      } catch (error) {
        const isKnown = error instanceof ApiError || error instanceof FormError
        failure.value = isKnown ? error.message : 'The answer could not be read.'
        return false
      } finally {
        isRunning.value = false
      }
    },
  }
}
