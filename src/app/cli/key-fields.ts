import { isRecord, parseDuration } from '../../config/file/decode.ts'
import { UsageError } from './arguments.ts'

const text = { type: 'string' } as const
const texts = { type: 'string', multiple: true } as const

/** Options for what may be used. */
export const policyOptions = {
  model: texts,
  endpoint: texts,
  tag: texts,
  dialect: texts,
  route: texts,
  network: texts,
  'max-tokens': text,
  priority: text,
} as const

/** Options for how much may be used. */
export const limitOptions = {
  'requests-per-minute': text,
  'tokens-per-minute': text,
  'tokens-per-day': text,
  'max-concurrent': text,
  soft: text,
  budget: texts,
} as const

/** Options that describe a key. */
export const fieldOptions = {
  owner: text,
  team: text,
  expires: text,
  metadata: texts,
  ...policyOptions,
  ...limitOptions,
} as const

export const policyUsage = `  --model GLOB          models that may be used     --endpoint GLOB         endpoints that may be used
  --tag TAG             tags of such endpoints      --dialect API           openai, anthropic, ollama
  --route GLOB          paths, such as '/v1/chat/*' --network CIDR          networks of clients
  --max-tokens N        cap of generated tokens     --priority CLASS        high, normal, low`

export const limitUsage = `  --requests-per-minute N, --tokens-per-minute N, --tokens-per-day N, --max-concurrent N
                        limits; 0 is unlimited
  --soft PERCENT        share of them, and of the budgets given, at which the gateway warns; 0 is never
  --budget AMOUNT/TIME  10/month is money, 1000000tokens/day is tokens; hour, day, week, month, ever;
                        none removes all`

export const fieldUsage = `  --owner NAME          owner of the key            --team NAME             team of the key
  --expires WHEN        30d, 12h or 2027-01-31T00:00:00Z; never
  --metadata NAME=TEXT  free text (repeat for more, as all of these)
${policyUsage}
${limitUsage}`

type FieldValues = { readonly [Name in keyof typeof fieldOptions]?: string | string[] | undefined }

/**
 * The fields of a key that the options set.
 * @param current the key that they change; undefined for a new one
 * @throws UsageError
 */
export function changesOf(
  values: FieldValues,
  current: Readonly<Record<string, unknown>> | undefined,
): Record<string, unknown> {
  const changes: Record<string, unknown> = {}
  const { owner, team, expires, metadata } = values
  if (owner !== undefined) changes.owner = owner
  if (team !== undefined) changes.team = team
  if (typeof expires === 'string') changes.expires = expires === 'never' ? null : timeOf(expires)
  if (Array.isArray(metadata)) changes.metadata = Object.fromEntries(metadata.map(pairOf))
  const policy = policyOf(values)
  if (Object.keys(policy).length > 0) changes.policy = { ...recordAt(current, 'policy'), ...policy }
  const limits = limitsOf(values)
  if (Object.keys(limits).length > 0) changes.limits = { ...recordAt(current, 'limits'), ...limits }
  return withoutRemoved(changes, current)
}

/** Parses `30d`, `12h` or another duration of the configuration into seconds. @throws UsageError */
export function durationSeconds(given: string): number {
  const days = /^(\d+)d$/.exec(given)?.[1]
  const ms = days === undefined ? parseDuration(given) : Number(days) * 86_400_000
  if (ms === undefined || ms < 0) throw new UsageError(`not a duration such as 30d, 12h or 90m: ${given}`)
  return Math.round(ms / 1000)
}

function policyOf(values: FieldValues): Record<string, unknown> {
  const policy: Record<string, unknown> = {}
  if (values.model !== undefined) policy.models = { include: values.model }
  if (values.endpoint !== undefined) policy.endpoints = { include: values.endpoint }
  if (values.tag !== undefined) policy.endpoint_tags = values.tag
  if (values.dialect !== undefined) policy.dialects = values.dialect
  if (values.route !== undefined) policy.routes = values.route
  if (values.network !== undefined) policy.networks = values.network
  if (values.priority !== undefined) policy.priority = values.priority
  const maxTokens = wholeOf(values, 'max-tokens')
  if (maxTokens !== undefined) policy.caps = { max_tokens: maxTokens }
  return policy
}

function limitsOf(values: FieldValues): Record<string, unknown> {
  const limits: Record<string, unknown> = {}
  const requests = wholeOf(values, 'requests-per-minute')
  if (requests !== undefined) limits.requests_per_minute = requests
  const concurrent = wholeOf(values, 'max-concurrent')
  if (concurrent !== undefined) limits.max_concurrent = concurrent
  const perMinute = wholeOf(values, 'tokens-per-minute')
  if (perMinute !== undefined) limits.tokens_per_minute = { total: perMinute }
  const perDay = wholeOf(values, 'tokens-per-day')
  if (perDay !== undefined) limits.tokens_per_day = { total: perDay }
  const soft = wholeOf(values, 'soft')
  if (soft !== undefined && soft > 100) throw new UsageError(`--soft is a percentage, not ${soft}`)
  if (soft !== undefined) limits.soft = soft / 100
  const { budget } = values
  if (Array.isArray(budget)) {
    const warns = soft === undefined ? {} : { soft: soft / 100 }
    limits.budgets = budget.filter((each) => each !== 'none').map((each) => ({ ...budgetOf(each), ...warns }))
  }
  return limits
}

function budgetOf(given: string): Record<string, unknown> {
  const match = /^(\d+(?:\.\d+)?)(tokens)?\/(hour|day|week|month|ever)$/.exec(given)
  if (match === null) throw new UsageError(`not a budget such as 10/month or 1000000tokens/day: ${given}`)
  return { amount: Number(match[1]), unit: match[2] ?? 'money', period: match[3] }
}

function timeOf(given: string): string {
  if (/^\d{4}-/.test(given)) return given
  return new Date(Date.now() + durationSeconds(given) * 1000).toISOString()
}

function pairOf(given: string): readonly [string, string] {
  const mark = given.indexOf('=')
  if (mark < 1) throw new UsageError(`--metadata needs NAME=TEXT, not ${given}`)
  return [given.slice(0, mark), given.slice(mark + 1)]
}

function wholeOf(values: FieldValues, name: keyof FieldValues): number | undefined {
  const given = values[name]
  if (typeof given !== 'string') return undefined
  if (!/^\d+$/.test(given)) throw new UsageError(`--${name} must be a whole number, not ${given}`)
  return Number(given)
}

/** A new key has no field to remove. */
function withoutRemoved(changes: Record<string, unknown>, current: unknown): Record<string, unknown> {
  if (current !== undefined) return changes
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null))
}

function recordAt(
  value: Readonly<Record<string, unknown>> | undefined,
  name: string,
): Record<string, unknown> {
  const found = value?.[name]
  return isRecord(found) ? found : {}
}
