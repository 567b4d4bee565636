import type { Signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { playgroundApis } from '../../api/dialects.ts'
import {
  isStreamed,
  maxTokens,
  needsKey,
  playgroundApiId,
  playgroundKey,
  playgroundModel,
  showsRaw,
  systemPrompt,
  temperature,
} from '../../live/playground.ts'
import { Choice, Switch } from '../../ui/fields.tsx'
import { writeTo } from '../../ui/hooks.ts'

/** The model and its generation settings. */
export function Settings({ names }: { names: readonly string[] }) {
  const first = names[0]
  useEffect(() => {
    if (playgroundModel.peek() === '' && first !== undefined) playgroundModel.value = first
  }, [first])
  return (
    <section class="settings" aria-label="Settings">
      <div class="labelled">
        <label for="playground-model">Model or alias</label>
        <input
          id="playground-model"
          class="field"
          list="playground-models"
          autocomplete="off"
          spellcheck={false}
          value={playgroundModel.value}
          onInput={writeTo(playgroundModel)}
        />
        <datalist id="playground-models">
          {names.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </div>
      <div class="labelled">
        <span aria-hidden="true">API</span>
        <Choice
          label="API"
          value={playgroundApiId.value}
          options={playgroundApis.map(({ id, title }) => [id, title])}
          onChoose={(id) => {
            playgroundApiId.value = id
          }}
        />
      </div>
      {needsKey.value && (
        <div class="labelled">
          <label for="playground-key">API key</label>
          <input
            id="playground-key"
            class="field"
            type="password"
            autocomplete="off"
            spellcheck={false}
            placeholder="sk-…"
            value={playgroundKey.value}
            onInput={writeTo(playgroundKey)}
          />
        </div>
      )}
      <Switch
        label="Stream"
        isOn={isStreamed.value}
        onSwitch={(isOn) => {
          isStreamed.value = isOn
        }}
      />
      <Switch
        label="Show headers and events"
        isOn={showsRaw.value}
        onSwitch={(isOn) => {
          showsRaw.value = isOn
        }}
      />
      <div class="labelled">
        <label for="playground-system">System prompt</label>
        <textarea
          id="playground-system"
          class="field"
          rows={3}
          value={systemPrompt.value}
          onInput={writeTo(systemPrompt)}
        />
      </div>
      <div class="labelled-pair">
        <NumberField id="playground-temperature" label="Temperature" value={temperature} step="0.1" max="2" />
        <NumberField id="playground-tokens" label="Max tokens" value={maxTokens} step="1" max="100000" />
      </div>
    </section>
  )
}

interface NumberFieldProps {
  readonly id: string
  readonly label: string
  readonly value: Signal<string>
  readonly step: string
  readonly max: string
}

const NumberField = ({ id, label, value, step, max }: NumberFieldProps) => (
  <div class="labelled">
    <label for={id}>{label}</label>
    <input
      id={id}
      class="field"
      type="number"
      min="0"
      max={max}
      step={step}
      placeholder="default"
      value={value.value}
      onInput={writeTo(value)}
    />
  </div>
)
