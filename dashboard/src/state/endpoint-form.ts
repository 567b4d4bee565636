/** The form of an endpoint: some keys with a field each, all others as JSON. */
export interface EndpointForm {
  readonly name: string
  readonly url: string
  readonly type: string
  readonly tags: string
  readonly priority: string
  readonly weight: string
  readonly max_concurrent: string
  readonly check_interval: string
  /** JSON of the other keys. */
  readonly others: string
}

export type FieldName = keyof EndpointForm

/** A refusal in the form itself. */
export class FieldError extends Error {
  override readonly name = 'FieldError'
  readonly field: FieldName

  constructor(field: FieldName, message: string) {
    super(message)
    this.field = field
  }
}

type Settings = Readonly<Record<string, unknown>>

const textNames = ['name', 'url', 'type', 'check_interval'] as const
const numberNames = ['priority', 'weight', 'max_concurrent'] as const
const ownNames: ReadonlySet<string> = new Set([...textNames, ...numberNames, 'tags'])
/** As the gateway shows secrets. */
const mask = '[secret]'

export const emptyForm: EndpointForm = {
  name: '',
  url: '',
  type: 'auto',
  tags: '',
  priority: '100',
  weight: '1',
  max_concurrent: '0',
  check_interval: '5s',
  others: '{}',
}

export function formOf(settings: Settings): EndpointForm {
  const others = Object.entries(settings).filter(([key]) => !ownNames.has(key))
  const text = (key: keyof EndpointForm) =>
    settings[key] === undefined ? emptyForm[key] : String(settings[key])
  return {
    name: text('name'),
    url: text('url'),
    type: text('type'),
    tags: Array.isArray(settings.tags) ? settings.tags.join(', ') : '',
    priority: text('priority'),
    weight: text('weight'),
    max_concurrent: text('max_concurrent'),
    check_interval: text('check_interval'),
    others: JSON.stringify(Object.fromEntries(others), null, 2),
  }
}

/** All keys of a new endpoint. @throws FieldError */
export function fieldsOf(form: EndpointForm): Settings {
  const fields: Record<string, unknown> = { ...othersOf(form) }
  for (const key of textNames) if (form[key].trim() !== '') fields[key] = form[key].trim()
  for (const key of numberNames) fields[key] = numberOf(form, key)
  const tags = tagsOf(form)
  if (tags.length > 0) fields.tags = tags
  return fields
}

/** Only the keys that differ; a removed one is null. @throws FieldError */
export function changedFields(before: EndpointForm, form: EndpointForm): Settings {
  const fields: Record<string, unknown> = {}
  for (const key of textNames) {
    if (key === 'name' || form[key].trim() === before[key]) continue
    fields[key] = form[key].trim() === '' ? null : form[key].trim()
  }
  for (const key of numberNames) if (form[key] !== before[key]) fields[key] = numberOf(form, key)
  if (form.tags !== before.tags) fields.tags = tagsOf(form)
  const was = othersOf(before)
  const is = othersOf(form)
  for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
    const text = JSON.stringify(is[key])
    if (text === JSON.stringify(was[key])) continue
    if (text?.includes(mask))
      throw new FieldError('others', `${key}: contains a secret that is not shown; write all of it`)
    fields[key] = is[key] ?? null
  }
  return fields
}

/** Refusals of the gateway by field: `url: …; priority: …`. */
export function problemsOf(message: string): ReadonlyMap<FieldName | 'form', string> {
  const problems = new Map<FieldName | 'form', string>()
  for (const part of message.split('; ')) {
    const [, key = '', text = ''] = /^([a-z_]+)[^:\s]*: (.*)$/s.exec(part) ?? []
    const field = fieldOf(key)
    const shown = field === 'form' || field === 'others' ? part : text
    const known = problems.get(field)
    problems.set(field, known === undefined ? shown : `${known}; ${shown}`)
  }
  return problems
}

function fieldOf(key: string): FieldName | 'form' {
  if (key === '') return 'form'
  return isFieldName(key) ? key : 'others'
}

function isFieldName(key: string): key is FieldName {
  return Object.hasOwn(emptyForm, key)
}

function numberOf(form: EndpointForm, key: (typeof numberNames)[number]): number | null {
  const text = form[key].trim()
  if (text === '') return null
  const value = Number(text)
  if (Number.isNaN(value)) throw new FieldError(key, 'must be a number')
  return value
}

function tagsOf({ tags }: EndpointForm): string[] {
  return tags
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
}

function othersOf({ others }: EndpointForm): Settings {
  let value: unknown
  try {
    value = JSON.parse(others.trim() === '' ? '{}' : others)
  } catch (error) {
    throw new FieldError('others', `is not JSON: ${error instanceof Error ? error.message : ''}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FieldError('others', 'must be an object')
  return { ...value }
}
