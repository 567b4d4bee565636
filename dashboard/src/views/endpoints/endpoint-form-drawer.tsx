import { type Signal, signal, useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { ApiError } from '../../api/api-error.ts'
import { type EndpointFields, orderEndpoint, readManagedEndpoint } from '../../api/endpoint-api.ts'
import type { EndpointChange } from '../../api/types.ts'
import { announce } from '../../live/announcement.ts'
import { endpoints } from '../../live/gateway.ts'
import {
  changedFields,
  type EndpointForm,
  emptyForm,
  FieldError,
  type FieldName,
  fieldsOf,
  formOf,
  problemsOf,
} from '../../state/endpoint-form.ts'
import { ChangeList } from '../../ui/change-list.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { Loading, Notice } from '../../ui/notice.tsx'
import { TextArea, TextField } from '../../ui/text-field.tsx'

export interface EndpointFormDrawerProps {
  /** The endpoint that is changed; absent to add one. */
  readonly name?: string
  readonly onClose: () => void
}

/** Adds or changes an endpoint: the difference is shown before it is applied. */
export function EndpointFormDrawer({ name, onClose }: EndpointFormDrawerProps) {
  const start = useSignal<{ form: EndpointForm; version: string } | undefined>(
    name === undefined ? { form: emptyForm, version: '*' } : undefined,
  )
  const failure = useSignal('')
  useEffect(() => {
    if (name === undefined) return
    readManagedEndpoint(name).then(
      ({ endpoint, version }) => (start.value = { form: formOf({ name, ...endpoint.settings }), version }),
      (error: unknown) =>
        (failure.value = error instanceof ApiError ? error.message : 'It could not be read.'),
    )
  }, [name])
  return (
    <Drawer title={name === undefined ? 'New endpoint' : `Edit ${name}`} onClose={onClose}>
      {failure.value !== '' && <Notice tone="bad" title={failure.value} />}
      {start.value === undefined ? (
        failure.value === '' && <Loading />
      ) : (
        <EndpointFormFields
          name={name}
          before={start.value.form}
          version={start.value.version}
          onClose={onClose}
        />
      )}
    </Drawer>
  )
}

type Texts = { readonly [Name in FieldName]: Signal<string> }

/** A change that the gateway has compared, but not applied. */
interface Compared {
  readonly fields: EndpointFields
  readonly change: EndpointChange
}

function EndpointFormFields({
  name,
  before,
  version,
  onClose,
}: {
  name: string | undefined
  before: EndpointForm
  version: string
  onClose: () => void
}) {
  const texts = useMemo(() => textsOf(before), [])
  const problems = useSignal<ReadonlyMap<FieldName | 'form', string>>(new Map())
  const compared = useSignal<Compared | undefined>(undefined)
  const isRunning = useSignal(false)
  const isNew = name === undefined
  const field = (key: FieldName, label: string) => ({
    id: `endpoint-${key}`,
    label,
    value: texts[key],
    problem: problems.value.get(key),
  })

  async function send(isDryRun: boolean): Promise<void> {
    if (isRunning.peek()) return
    isRunning.value = true
    problems.value = new Map()
    try {
      const form = formFrom(texts)
      const fields = compared.peek()?.fields ?? (isNew ? fieldsOf(form) : changedFields(before, form))
      const change = await orderEndpoint({ name, fields, version, isDryRun })
      if (isDryRun) compared.value = { fields, change }
      else {
        announce(isNew ? `${change.endpoint} was added` : `${change.endpoint} was changed`)
        endpoints.reload()
        onClose()
      }
    } catch (error) {
      compared.value = undefined
      problems.value = shownProblems(error)
    } finally {
      isRunning.value = false
    }
  }

  if (compared.value !== undefined) {
    const { change } = compared.value
    return (
      <>
        <h3>What changes</h3>
        <ChangeList changes={change.changes} />
        {change.warning !== null && <Notice tone="warn" title={change.warning} />}
        <p class="buttons">
          <button
            type="button"
            class="button primary"
            disabled={isRunning.value || change.changes.length === 0}
            onClick={() => void send(false)}
          >
            {isNew ? 'Add endpoint' : 'Apply'}
          </button>
          <button type="button" class="button" onClick={() => (compared.value = undefined)}>
            Back
          </button>
        </p>
      </>
    )
  }
  const problem = problems.value.get('form')
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        void send(true)
      }}
    >
      {problem !== undefined && (
        <div role="alert">
          <Notice tone="bad" title="The gateway refuses this">
            {problem}
          </Notice>
        </div>
      )}
      {isNew && <TextField {...field('name', 'Name')} hint="host:port of the address" />}
      <TextField {...field('url', 'Address')} hint="http://gpu-1:8000" isRequired />
      <div class="labelled-pair">
        <TextField {...field('type', 'Type')} suggestions={knownTypes} />
        <TextField {...field('tags', 'Tags')} hint="separated by commas" />
        <TextField {...field('priority', 'Priority')} type="number" />
        <TextField {...field('weight', 'Weight')} type="number" step="any" />
        <TextField {...field('max_concurrent', 'Requests at a time (0: any number)')} type="number" />
        <TextField {...field('check_interval', 'Time between probes')} hint="5s" />
      </div>
      <TextArea {...field('others', 'Other keys, as JSON')} rows={8} />
      <p class="buttons">
        <button type="submit" class="button primary" disabled={isRunning.value}>
          Show what changes
        </button>
      </p>
    </form>
  )
}

const knownTypes = [
  'auto',
  'ollama',
  'vllm',
  'sglang',
  'lm-studio',
  'llamacpp',
  'lmdeploy',
  'openai-compatible',
]

function shownProblems(error: unknown): ReadonlyMap<FieldName | 'form', string> {
  if (error instanceof FieldError) return new Map([[error.field, error.message]])
  if (!(error instanceof ApiError)) return new Map([['form', 'The answer could not be read.']])
  if (error.status === 412)
    return new Map([['form', 'The configuration has changed meanwhile. Close this and begin again.']])
  return error.status === 400 ? problemsOf(error.message) : new Map([['form', error.message]])
}

function textsOf(form: EndpointForm): Texts {
  return {
    name: signal(form.name),
    url: signal(form.url),
    type: signal(form.type),
    tags: signal(form.tags),
    priority: signal(form.priority),
    weight: signal(form.weight),
    max_concurrent: signal(form.max_concurrent),
    check_interval: signal(form.check_interval),
    others: signal(form.others),
  }
}

function formFrom(texts: Texts): EndpointForm {
  return {
    name: texts.name.peek(),
    url: texts.url.peek(),
    type: texts.type.peek(),
    tags: texts.tags.peek(),
    priority: texts.priority.peek(),
    weight: texts.weight.peek(),
    max_concurrent: texts.max_concurrent.peek(),
    check_interval: texts.check_interval.peek(),
    others: texts.others.peek(),
  }
}
