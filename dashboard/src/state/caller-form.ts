/** What an operator types to create or change a key, a team or an owner, and the fields of the request. */
import type { CallerFields, Limits, Policy } from '../api/types.ts'

export interface BudgetForm {
  readonly amount: string
  readonly unit: Limits['budgets'][number]['unit']
  readonly period: Limits['budgets'][number]['period']
  readonly window: Limits['budgets'][number]['window']
  /** Share at which it warns, in percent. */
  readonly soft: string
}

/** Lists are separated by commas, `caps` and `metadata` are lines `name=value`, and `defaults` is JSON. */
export interface CallerTexts {
  readonly name: string
  readonly owner: string
  readonly team: string
  /** Last day, as a date field has it. */
  readonly expires: string
  readonly metadata: string
  readonly models: string
  readonly exceptModels: string
  readonly endpoints: string
  readonly exceptEndpoints: string
  readonly endpointTags: string
  readonly dialects: string
  readonly routes: string
  readonly networks: string
  readonly defaults: string
  readonly caps: string
  readonly priority: string
  readonly weight: string
  readonly requestsPerMinute: string
  readonly maxConcurrent: string
  readonly tokensPerMinute: string
  readonly promptPerMinute: string
  readonly completionPerMinute: string
  readonly tokensPerDay: string
  readonly promptPerDay: string
  readonly completionPerDay: string
  /** Share at which the limits per minute and per day warn, in percent. */
  readonly limitsSoft: string
}

export interface CallerForm extends CallerTexts {
  readonly budgets: readonly BudgetForm[]
}

export const emptyForm: CallerForm = {
  name: '',
  owner: '',
  team: '',
  expires: '',
  metadata: '',
  models: '',
  exceptModels: '',
  endpoints: '',
  exceptEndpoints: '',
  endpointTags: '',
  dialects: '',
  routes: '',
  networks: '',
  defaults: '',
  caps: '',
  priority: 'normal',
  weight: '',
  requestsPerMinute: '',
  maxConcurrent: '',
  tokensPerMinute: '',
  promptPerMinute: '',
  completionPerMinute: '',
  tokensPerDay: '',
  promptPerDay: '',
  completionPerDay: '',
  limitsSoft: '',
  budgets: [],
}

export const emptyBudget: BudgetForm = {
  amount: '',
  unit: 'money',
  period: 'month',
  window: 'calendar',
  soft: '80',
}

/** A field cannot be read; the message says which. */
export class FormError extends Error {
  override readonly name = 'FormError'
}

/** A key, a team or an owner as the routes show it. */
export interface CallerRow {
  readonly name: string
  readonly owner?: string | null
  readonly team?: string | null
  readonly expires?: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly policy?: Policy
  readonly limits: Limits
}

/** The form with what a key, a team or an owner has. */
export function formOf({ name, owner, team, expires, metadata, policy, limits }: CallerRow): CallerForm {
  const { tokens_per_minute: perMinute, tokens_per_day: perDay } = limits
  return {
    ...emptyForm,
    name,
    owner: owner ?? '',
    team: team ?? '',
    expires: expires ? dayOf(expires) : '',
    metadata: linesOf(metadata),
    ...(policy === undefined ? {} : policyTexts(policy)),
    requestsPerMinute: limitText(limits.requests_per_minute),
    maxConcurrent: limitText(limits.max_concurrent),
    tokensPerMinute: limitText(perMinute.total),
    promptPerMinute: limitText(perMinute.prompt),
    completionPerMinute: limitText(perMinute.completion),
    tokensPerDay: limitText(perDay.total),
    promptPerDay: limitText(perDay.prompt),
    completionPerDay: limitText(perDay.completion),
    limitsSoft: percentText(limits.soft),
    budgets: limits.budgets.map(({ amount, soft, ...budget }) => ({
      ...budget,
      amount: String(amount),
      soft: percentText(soft),
    })),
  }
}

/** The fields of a new key, team or owner: empty ones are left out. @throws FormError */
export function fieldsOf(form: CallerForm): CallerFields {
  const { name, owner, team, expires, metadata, policy, limits } = changesOf(form)
  return {
    ...(name === undefined ? {} : { name }),
    ...(owner ? { owner } : {}),
    ...(team ? { team } : {}),
    ...(expires ? { expires } : {}),
    ...(isEmpty(metadata) ? {} : { metadata }),
    ...(isEmpty(policy) ? {} : { policy }),
    ...(isEmpty(limits) ? {} : { limits }),
  }
}

/** All fields of a change; the gateway fills in defaults, and null removes one. @throws FormError */
export function changesOf(form: CallerForm): Required<Omit<CallerFields, 'enabled'>> {
  return {
    name: form.name.trim(),
    owner: textOrNull(form.owner),
    team: textOrNull(form.team),
    // To the end of that day, where the operator is.
    expires: form.expires === '' ? null : new Date(`${form.expires}T23:59:59`).toISOString(),
    metadata: pairsOf(form.metadata, 'Metadata'),
    policy: policyOf(form),
    limits: limitsOf(form),
  }
}

/** The fields of a change that differ from what the form had at first. @throws FormError */
export function changedFieldsOf(before: CallerForm, after: CallerForm): CallerFields {
  const [old, now] = [changesOf(before), changesOf(after)]
  const names = Object.keys(now).filter((name): name is keyof typeof now => name in now)
  return Object.fromEntries(
    names
      .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
      .map((name) => [name, now[name]]),
  )
}

function policyTexts(policy: Policy): Partial<CallerTexts> {
  const { models, endpoints, weight } = policy
  return {
    models: listText(models.include),
    exceptModels: listText(models.exclude),
    endpoints: listText(endpoints.include),
    exceptEndpoints: listText(endpoints.exclude),
    endpointTags: listText(policy.endpoint_tags),
    dialects: listText(policy.dialects),
    routes: listText(policy.routes),
    networks: listText(policy.networks),
    defaults: isEmpty(policy.defaults) ? '' : JSON.stringify(policy.defaults),
    caps: linesOf(policy.caps),
    priority: policy.priority,
    weight: weight === 1 ? '' : String(weight),
  }
}

function policyOf(form: CallerForm): Required<CallerFields>['policy'] {
  const list = (name: keyof CallerTexts, as: string) => {
    const items = itemsOf(form[name])
    return items.length === 0 ? {} : { [as]: items }
  }
  const models = { ...list('models', 'include'), ...list('exceptModels', 'exclude') }
  const endpoints = { ...list('endpoints', 'include'), ...list('exceptEndpoints', 'exclude') }
  const caps = pairsOf(form.caps, 'Caps')
  const defaults = objectOf(form.defaults, 'Defaults')
  const isPriority = (text: string): text is Policy['priority'] => ['high', 'normal', 'low'].includes(text)
  return {
    ...(isEmpty(models) ? {} : { models }),
    ...(isEmpty(endpoints) ? {} : { endpoints }),
    ...list('endpointTags', 'endpoint_tags'),
    ...list('dialects', 'dialects'),
    ...list('routes', 'routes'),
    ...list('networks', 'networks'),
    ...(isEmpty(caps)
      ? {}
      : { caps: Object.fromEntries(Object.entries(caps).map(([name, text]) => [name, Number(text)])) }),
    ...(isEmpty(defaults) ? {} : { defaults }),
    ...(isPriority(form.priority) && form.priority !== 'normal' ? { priority: form.priority } : {}),
    ...(form.weight === '' ? {} : { weight: Number(form.weight) }),
  }
}

function limitsOf(form: CallerForm): Required<CallerFields>['limits'] {
  const number = (text: string, as: string) => (text === '' ? {} : { [as]: Number(text) })
  const perMinute = {
    ...number(form.tokensPerMinute, 'total'),
    ...number(form.promptPerMinute, 'prompt'),
    ...number(form.completionPerMinute, 'completion'),
  }
  const perDay = {
    ...number(form.tokensPerDay, 'total'),
    ...number(form.promptPerDay, 'prompt'),
    ...number(form.completionPerDay, 'completion'),
  }
  const budgets = form.budgets.map(({ amount, soft, ...budget }) => ({
    ...budget,
    amount: Number(amount),
    soft: Number(soft) / 100,
  }))
  return {
    ...number(form.requestsPerMinute, 'requests_per_minute'),
    ...number(form.maxConcurrent, 'max_concurrent'),
    ...(isEmpty(perMinute) ? {} : { tokens_per_minute: perMinute }),
    ...(isEmpty(perDay) ? {} : { tokens_per_day: perDay }),
    ...(form.limitsSoft === '' ? {} : { soft: Number(form.limitsSoft) / 100 }),
    ...(budgets.length === 0 ? {} : { budgets }),
  }
}

const isEmpty = (value: object) => Object.keys(value).length === 0
const limitText = (value: number) => (value === 0 ? '' : String(value))
const percentText = (share: number) => limitText(Number((share * 100).toFixed(6)))
const listText = (items: readonly string[] = []) => items.join(', ')

function textOrNull(text: string): string | null {
  const trimmed = text.trim()
  return trimmed === '' ? null : trimmed
}

function itemsOf(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

function linesOf(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')
}

function pairsOf(text: string, field: string): Record<string, string> {
  const pairs: Record<string, string> = {}
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const at = line.indexOf('=')
    if (at < 1) throw new FormError(`${field}: a line must be name=value, not "${line.trim()}".`)
    pairs[line.slice(0, at).trim()] = line.slice(at + 1).trim()
  }
  return pairs
}

function objectOf(text: string, field: string): Record<string, unknown> {
  if (text.trim() === '') return {}
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    read = undefined
  }
  if (typeof read === 'object' && read !== null && !Array.isArray(read)) return { ...read }
  throw new FormError(`${field}: must be a JSON object, such as {"temperature":0.2}.`)
}

/** The day of a time where the operator is. */
function dayOf(time: string): string {
  const at = new Date(time)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}
