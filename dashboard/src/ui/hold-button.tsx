import type { Signal } from '@preact/signals'

export interface HoldButtonProps<T> {
  /** The frozen list; undefined while the list updates. */
  readonly held: Signal<T | undefined>
  readonly current: T
}

/** Freezes a list that updates while it is read. */
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
