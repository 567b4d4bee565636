import { useSignal } from '@preact/signals'
import { Choice } from '../../ui/fields.tsx'

const overlaps = [
  ['0', 'ends at once'],
  ['3600', 'works for an hour'],
  ['86400', 'works for a day'],
  ['604800', 'works for a week'],
  ['2592000', 'works for 30 days'],
] as const

export interface RotateFormProps {
  readonly isDisabled: boolean
  readonly onRotate: (overlapSeconds: number) => void
}

/** Gives a key a new secret; the secret before works for the chosen time. */
export function RotateForm({ isDisabled, onRotate }: RotateFormProps) {
  const overlap = useSignal('86400')
  return (
    <section aria-labelledby="rotate-title">
      <h3 id="rotate-title">Rotate</h3>
      <p class="muted">A new secret; limits and what was used stay.</p>
      <p class="buttons">
        <Choice
          label="The secret before"
          value={overlap.value}
          options={overlaps.map(([seconds, text]) => [seconds, `The old secret ${text}`])}
          onChoose={(chosen) => {
            overlap.value = chosen
          }}
        />
        <button
          type="button"
          class="button"
          disabled={isDisabled}
          onClick={() => onRotate(Number(overlap.value))}
        >
          Rotate
        </button>
      </p>
    </section>
  )
}
