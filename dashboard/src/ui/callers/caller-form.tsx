import { useSignal } from '@preact/signals'
import type { CallerFields } from '../../api/types.ts'
import { teamList } from '../../live/callers.ts'
import { type CallerForm, emptyForm, fieldsOf } from '../../state/caller-form.ts'
import { useAction } from '../action.ts'
import { Drawer } from '../drawer.tsx'
import { useResource } from '../hooks.ts'
import { Notice } from '../notice.tsx'
import { TextField } from '../text-field.tsx'

export interface CallerFormDrawerProps {
  readonly kind: 'key' | 'team'
  /** Creates it; the drawer shows a refusal and keeps what was typed. */
  readonly create: (fields: CallerFields) => Promise<void>
  readonly onClose: () => void
}

/** The form for a new key or team. */
export function CallerFormDrawer({ kind, create, onClose }: CallerFormDrawerProps) {
  const form = useFormSignals()
  const { isRunning, failure, run } = useAction()
  const id = (field: string) => `new-${kind}-${field}`
  return (
    <Drawer title={kind === 'key' ? 'New key' : 'New team'} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void run(() => create(fieldsOf(valuesOf(form))))
        }}
      >
        {failure.value !== '' && (
          <div role="alert">
            <Notice tone="bad" title={`The ${kind} was not created`}>
              {failure.value}
            </Notice>
          </div>
        )}
        <TextField id={id('name')} label="Name" value={form.name} isRequired />
        {kind === 'key' && <KeyFields form={form} />}
        <TextField
          id={id('models')}
          label="Models"
          value={form.models}
          hint="all; or names with *, separated by commas"
        />
        <h3>Limits</h3>
        <div class="labelled-pair">
          <Limit id={id('requests')} label="Requests per minute" value={form.requestsPerMinute} />
          <Limit id={id('concurrent')} label="Requests at a time" value={form.maxConcurrent} />
          <Limit id={id('tokens-minute')} label="Tokens per minute" value={form.tokensPerMinute} />
          <Limit id={id('tokens-day')} label="Tokens per day" value={form.tokensPerDay} />
          <Limit id={id('budget')} label="Budget per month, in money" value={form.monthlyBudget} step="any" />
        </div>
        <p class="muted small">
          Other limits and policies: <code class="mono">PATCH /internal/admin/{kind}s/…</code>.
        </p>
        <p class="buttons">
          <button type="submit" class="button primary" disabled={isRunning.value}>
            Create {kind}
          </button>
        </p>
      </form>
    </Drawer>
  )
}

function KeyFields({ form }: { form: ReturnType<typeof useFormSignals> }) {
  const teams = useResource(teamList).value?.teams ?? []
  return (
    <>
      <div class="labelled-pair">
        <TextField id="new-key-owner" label="Owner" value={form.owner} />
        <TextField
          id="new-key-team"
          label="Team"
          value={form.team}
          suggestions={teams.map(({ name }) => name)}
        />
      </div>
      <TextField
        id="new-key-expires"
        label="Last day (empty: never expires)"
        type="date"
        value={form.expires}
      />
    </>
  )
}

const Limit = (props: Omit<Parameters<typeof TextField>[0], 'type' | 'hint'>) => (
  <TextField {...props} type="number" hint="no limit" />
)

function useFormSignals() {
  return {
    name: useSignal(emptyForm.name),
    owner: useSignal(emptyForm.owner),
    team: useSignal(emptyForm.team),
    expires: useSignal(emptyForm.expires),
    models: useSignal(emptyForm.models),
    requestsPerMinute: useSignal(emptyForm.requestsPerMinute),
    maxConcurrent: useSignal(emptyForm.maxConcurrent),
    tokensPerMinute: useSignal(emptyForm.tokensPerMinute),
    tokensPerDay: useSignal(emptyForm.tokensPerDay),
    monthlyBudget: useSignal(emptyForm.monthlyBudget),
  }
}

function valuesOf(form: ReturnType<typeof useFormSignals>): CallerForm {
  return {
    name: form.name.peek(),
    owner: form.owner.peek(),
    team: form.team.peek(),
    expires: form.expires.peek(),
    models: form.models.peek(),
    requestsPerMinute: form.requestsPerMinute.peek(),
    maxConcurrent: form.maxConcurrent.peek(),
    tokensPerMinute: form.tokensPerMinute.peek(),
    tokensPerDay: form.tokensPerDay.peek(),
    monthlyBudget: form.monthlyBudget.peek(),
  }
}
