/** What an operator types to create a key or a team, and the fields of the request. */
import type { CallerFields } from '../api/types.ts'

export interface CallerForm {
  readonly name: string
  readonly owner: string
  readonly team: string
  /** Last day, as a date field has it. */
  readonly expires: string
  /** Names or globs, separated by commas. */
  readonly models: string
  readonly requestsPerMinute: string
  readonly maxConcurrent: string
  readonly tokensPerMinute: string
  readonly tokensPerDay: string
  readonly monthlyBudget: string
}

export const emptyForm: CallerForm = {
  name: '',
  owner: '',
  team: '',
  expires: '',
  models: '',
  requestsPerMinute: '',
  maxConcurrent: '',
  tokensPerMinute: '',
  tokensPerDay: '',
  monthlyBudget: '',
}

/** Empty fields are left out; the gateway validates the others. */
export function fieldsOf(form: CallerForm): CallerFields {
  const models = form.models
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
  const [owner, team] = [form.owner.trim(), form.team.trim()]
  return {
    name: form.name.trim(),
    ...(owner === '' ? {} : { owner }),
    ...(team === '' ? {} : { team }),
    // To the end of that day, where the operator is.
    ...(form.expires === '' ? {} : { expires: new Date(`${form.expires}T23:59:59`).toISOString() }),
    ...(models.length === 0 ? {} : { policy: { models: { include: models } } }),
    ...limitsOf(form),
  }
}

function limitsOf(form: CallerForm): Pick<CallerFields, 'limits'> {
  const budget = Number(form.monthlyBudget)
  const limits = {
    ...(form.requestsPerMinute === '' ? {} : { requests_per_minute: Number(form.requestsPerMinute) }),
    ...(form.maxConcurrent === '' ? {} : { max_concurrent: Number(form.maxConcurrent) }),
    ...(form.tokensPerMinute === '' ? {} : { tokens_per_minute: { total: Number(form.tokensPerMinute) } }),
    ...(form.tokensPerDay === '' ? {} : { tokens_per_day: { total: Number(form.tokensPerDay) } }),
    ...(form.monthlyBudget === '' ? {} : { budgets: [{ amount: budget }] }),
  }
  return Object.keys(limits).length === 0 ? {} : { limits }
}
