import type { Signal } from '@preact/signals'

export function SearchField({ label, value }: { label: string; value: Signal<string> }) {
  return (
    <input
      type="search"
      class="field search"
      aria-label={label}
      placeholder={label}
      value={value.value}
      onInput={(event) => {
        value.value = event.currentTarget.value
      }}
    />
  )
}

export interface ChoiceProps {
  readonly label: string
  readonly value: string
  /** Value and text; the empty value means all. */
  readonly options: readonly (readonly [string, string])[]
  readonly onChoose: (value: string) => void
}

export function Choice({ label, value, options, onChoose }: ChoiceProps) {
  return (
    <select
      class="field"
      aria-label={label}
      value={value}
      onChange={(event) => onChoose(event.currentTarget.value)}
    >
      {options.map(([id, text]) => (
        <option key={id} value={id}>
          {text}
        </option>
      ))}
    </select>
  )
}

export interface SwitchProps {
  readonly label: string
  readonly isOn: boolean
  readonly onSwitch: (isOn: boolean) => void
}

export function Switch({ label, isOn, onSwitch }: SwitchProps) {
  return (
    <label class="switch">
      <input type="checkbox" checked={isOn} onChange={(event) => onSwitch(event.currentTarget.checked)} />
      {label}
    </label>
  )
}
