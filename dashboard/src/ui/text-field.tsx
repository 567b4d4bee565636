import type { Signal } from '@preact/signals'
import { writeTo } from './hooks.ts'

export interface TextFieldProps {
  readonly id: string
  readonly label: string
  readonly value: Signal<string>
  readonly type?: 'text' | 'number' | 'date'
  readonly hint?: string
  readonly step?: string
  readonly isRequired?: boolean
  /** Offered values. */
  readonly suggestions?: readonly string[]
  /** Why the value was refused. */
  readonly problem?: string | undefined
}

/** A labelled field of a form. */
export function TextField({
  id,
  label,
  value,
  type = 'text',
  hint,
  step,
  isRequired,
  suggestions,
  problem,
}: TextFieldProps) {
  return (
    <div class="labelled">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="field"
        type={type}
        autocomplete="off"
        spellcheck={false}
        required={isRequired}
        value={value.value}
        onInput={writeTo(value)}
        {...(type === 'number' ? { min: '0', step: step ?? '1' } : {})}
        {...(hint === undefined ? {} : { placeholder: hint })}
        {...(suggestions === undefined ? {} : { list: `${id}-list` })}
        {...invalid(id, problem)}
      />
      <Problem id={id} text={problem} />
      {suggestions !== undefined && (
        <datalist id={`${id}-list`}>
          {suggestions.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </div>
  )
}

/** A labelled field for several lines. */
export function TextArea({
  id,
  label,
  value,
  hint,
  problem,
  rows = 2,
}: Pick<TextFieldProps, 'id' | 'label' | 'value' | 'hint' | 'problem'> & { rows?: number }) {
  return (
    <div class="labelled">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        class="field mono"
        rows={rows}
        autocomplete="off"
        spellcheck={false}
        value={value.value}
        onInput={writeTo(value)}
        {...(hint === undefined ? {} : { placeholder: hint })}
        {...invalid(id, problem)}
      />
      <Problem id={id} text={problem} />
    </div>
  )
}

const invalid = (id: string, problem: string | undefined) =>
  problem === undefined ? {} : ({ 'aria-invalid': true, 'aria-describedby': `${id}-problem` } as const)

const Problem = ({ id, text }: { id: string; text: string | undefined }) =>
  text === undefined ? null : (
    <p id={`${id}-problem`} class="small bad" role="alert">
      {text}
    </p>
  )
