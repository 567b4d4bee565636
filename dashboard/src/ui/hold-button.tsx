import type { Signal } from '@preact/signals'

export interface HoldButtonProps<T> {
  /** What is held still; undefined while the list moves. */
  readonly held: Signal<T | undefined>
  readonly current: T
}

/** Stops a list that moves while one reads it. */
export function HoldButton<T>({ held, current }: HoldButtonProps<T>) {
  const isHeld = held.value !== undefined
  return (
    <button
      type="button"
      class="button"
      aria-pressed={isHeld}
      onClick={() => {
        held.value = isHeld ? undefined : current
      }}
    >
      Hold still
    </button>
  )
}
