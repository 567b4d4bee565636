import { type Signal, signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import type { CallerFields } from '../../api/types.ts'
import { teamList } from '../../live/callers.ts'
import {
  type CallerForm,
  type CallerTexts,
  changedFieldsOf,
  emptyForm,
  fieldsOf,
} from '../../state/caller-form.ts'
import { useAction } from '../action.ts'
import { Drawer } from '../drawer.tsx'
import { Choice } from '../fields.tsx'
import { useResource } from '../hooks.ts'
import { Notice } from '../notice.tsx'
import { TextArea, TextField } from '../text-field.tsx'
import { BudgetFields } from './budget-fields.tsx'

export type CallerKind = 'key' | 'team' | 'owner'

export interface CallerFormDrawerProps {
  readonly kind: CallerKind
  /** What is changed; a new one if absent. */
  readonly before?: CallerForm
  /** Creates or changes it; the drawer shows a refusal and keeps what was typed. */
  readonly save: (fields: CallerFields) => Promise<void>
  readonly onClose: () => void
}

type TextSignals = { readonly [Name in keyof CallerTexts]: Signal<string> }

/** The form for a key, a team or an owner. */
export function CallerFormDrawer({ kind, before, save, onClose }: CallerFormDrawerProps) {
  const start = before ?? emptyForm
  const texts = useMemo(() => signalsOf(start), [])
  const budgets = useMemo(() => signal(start.budgets), [])
  const { isRunning, failure, run } = useAction()
  const isNew = before === undefined
  const field = (name: keyof CallerTexts) => ({ id: `${kind}-${name}`, value: texts[name] })
  return (
    <Drawer title={isNew ? `New ${kind}` : `Edit ${start.name}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void run(() => {
            const form = formFrom(texts, budgets)
            return save(isNew ? fieldsOf(form) : changedFieldsOf(start, form))
          })
        }}
      >
        {failure.value !== '' && (
          <div role="alert">
            <Notice tone="bad" title={`The ${kind} was not ${isNew ? 'created' : 'changed'}`}>
              {failure.value}
            </Notice>
          </div>
        )}
        {(isNew || kind === 'key') && <TextField {...field('name')} label="Name" isRequired />}
        {kind === 'key' && <KeyFields texts={texts} />}
        {kind !== 'owner' && (
          <TextField {...field('models')} label="Models" hint="all; or names with *, separated by commas" />
        )}
        <h3>Limits</h3>
        <div class="labelled-pair">
          <Limit {...field('requestsPerMinute')} label="Requests per minute" />
          <Limit {...field('maxConcurrent')} label="Requests at a time" />
          <Limit {...field('tokensPerMinute')} label="Tokens per minute" />
          <Limit {...field('tokensPerDay')} label="Tokens per day" />
          <Limit {...field('promptPerMinute')} label="Prompt tokens per minute" />
          <Limit {...field('promptPerDay')} label="Prompt tokens per day" />
          <Limit {...field('completionPerMinute')} label="Completion tokens per minute" />
          <Limit {...field('completionPerDay')} label="Completion tokens per day" />
          <TextField {...field('limitsSoft')} label="Warn at percent of these" type="number" hint="never" />
        </div>
        <BudgetFields id={`${kind}-budget`} budgets={budgets} />
        {kind !== 'owner' && <PolicyFields kind={kind} texts={texts} />}
        <details>
          <summary>Metadata</summary>
          <TextArea {...field('metadata')} label="Metadata" hint="a line name=text for each" />
        </details>
        <p class="buttons">
          <button type="submit" class="button primary" disabled={isRunning.value}>
            {isNew ? `Create ${kind}` : 'Save'}
          </button>
        </p>
      </form>
    </Drawer>
  )
}

function KeyFields({ texts }: { texts: TextSignals }) {
  const teams = useResource(teamList).value?.teams ?? []
  return (
    <>
      <div class="labelled-pair">
        <TextField id="key-owner" label="Owner" value={texts.owner} />
        <TextField
          id="key-team"
          label="Team"
          value={texts.team}
          suggestions={teams.map(({ name }) => name)}
        />
      </div>
      <TextField id="key-expires" label="Last day (empty: never expires)" type="date" value={texts.expires} />
    </>
  )
}

const Limit = (props: Omit<Parameters<typeof TextField>[0], 'type' | 'hint'>) => (
  <TextField {...props} type="number" hint="no limit" />
)

function PolicyFields({ kind, texts }: { kind: CallerKind; texts: TextSignals }) {
  const field = (name: keyof CallerTexts) => ({ id: `${kind}-${name}`, value: texts[name] })
  return (
    <details>
      <summary>What it may use</summary>
      <div class="form">
        <TextField {...field('exceptModels')} label="Except the models" hint="none" />
        <div class="labelled-pair">
          <TextField {...field('endpoints')} label="Endpoints" hint="all" />
          <TextField {...field('exceptEndpoints')} label="Except the endpoints" hint="none" />
          <TextField {...field('endpointTags')} label="Endpoint tags" hint="any" />
          <TextField {...field('dialects')} label="APIs" hint="openai, anthropic, ollama" />
          <TextField {...field('routes')} label="Routes" hint="all; or paths with *" />
          <TextField {...field('networks')} label="Networks" hint="any; such as 10.0.0.0/8" />
        </div>
        <TextArea {...field('caps')} label="Caps" hint="max_tokens=500; a line for each" />
        <TextArea {...field('defaults')} label="Defaults" hint={'JSON, such as {"temperature":0.2}'} />
        <div class="labelled-pair">
          <div class="labelled">
            <span aria-hidden="true">Priority</span>
            <Choice
              label="Priority"
              value={texts.priority.value}
              options={[
                ['high', 'High'],
                ['normal', 'Normal'],
                ['low', 'Low'],
              ]}
              onChoose={(chosen) => (texts.priority.value = chosen)}
            />
          </div>
          <TextField {...field('weight')} label="Weight" type="number" step="any" hint="1" />
        </div>
      </div>
    </details>
  )
}

const textNames = Object.keys(emptyForm).filter(
  (name): name is keyof CallerTexts => name !== 'budgets' && name in emptyForm,
)

function signalsOf(form: CallerForm): TextSignals {
  const all = Object.fromEntries(textNames.map((name) => [name, signal(form[name])]))
  return all as TextSignals
}

function formFrom(texts: TextSignals, budgets: Signal<CallerForm['budgets']>): CallerForm {
  const read = Object.fromEntries(textNames.map((name) => [name, texts[name].peek()]))
  return { ...emptyForm, ...read, budgets: budgets.peek() }
}
