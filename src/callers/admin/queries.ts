import { Type } from '@sinclair/typebox'
import { parseDuration } from '../../config/file/decode.ts'
import { GatewayError } from '../../kernel/errors.ts'
import {
  type UsageQuery as LedgerQuery,
  type UsageInterval,
  usageGroups,
  usageIntervals,
} from '../ledger/usage-query.ts'
import type { KeyQuery, NameQuery } from '../store/contract.ts'

const defaultLimit = 100
const maxLimit = 1_000

export const page = {
  search: Type.Optional(Type.String({ description: 'Part of the name.' })),
  after: Type.Optional(Type.String({ description: '`next` of the page before.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxLimit, default: defaultLimit })),
}

/** As a client writes them; all values are texts. */
export const NamesQuery = Type.Object(page)
export const KeysQuery = Type.Object({
  ...page,
  owner: Type.Optional(Type.String()),
  team: Type.Optional(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
})
export const AuditQuery = Type.Object({
  limit: page.limit,
  before: Type.Optional(Type.Integer({ description: '`revision` of the last change of the page before.' })),
})

const defaultSinceMs = 86_400_000
const maxUsageLimit = 10_000
const maxCsvRows = 100_000

export const UsageQuery = Type.Object({
  since: Type.Optional(
    Type.String({ description: 'A time (RFC 3339), or how long ago: `7d`, `12h`. Default: a day.' }),
  ),
  until: Type.Optional(Type.String({ description: 'As `since`; default: now.' })),
  by: Type.Optional(
    Type.String({
      description: `Groups, separated by commas: ${usageGroups.map((name) => `\`${name}\``).join(', ')}.`,
    }),
  ),
  interval: Type.Optional(
    Type.Unsafe<UsageInterval>({
      type: 'string',
      enum: [...usageIntervals],
      default: 'total',
      description: 'Rows by hour, by day (UTC), or one for the whole time.',
    }),
  ),
  key: Type.Optional(Type.String({ description: 'Only this key, by its ID or name.' })),
  owner: Type.Optional(Type.String({ description: 'Only this owner.' })),
  team: Type.Optional(Type.String({ description: 'Only this team.' })),
  model: Type.Optional(Type.String({ description: 'Only this model.' })),
  endpoint: Type.Optional(Type.String({ description: 'Only this endpoint.' })),
  format: Type.Optional(Type.String({ description: '`json`, or `csv` for all rows at once.' })),
  after: page.after,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxUsageLimit, default: defaultLimit })),
})

export type GivenQuery = Readonly<Record<string, unknown>>

/** @throws GatewayError invalid_request */
export function readNamesQuery(given: GivenQuery): NameQuery {
  expectKnown(given, NamesQuery)
  return namesQuery(given)
}

/** @throws GatewayError invalid_request */
export function readKeysQuery(given: GivenQuery): KeyQuery {
  expectKnown(given, KeysQuery)
  const enabled = text(given, 'enabled')
  if (enabled !== undefined && enabled !== 'true' && enabled !== 'false')
    throw invalid('enabled', 'must be true or false')
  return {
    ...namesQuery(given),
    owner: text(given, 'owner'),
    team: text(given, 'team'),
    enabled: enabled === undefined ? undefined : enabled === 'true',
  }
}

/** @throws GatewayError invalid_request */
export function readAuditQuery(given: GivenQuery): { limit: number; before: number | undefined } {
  expectKnown(given, AuditQuery)
  return { limit: limitOf(given), before: whole(given, 'before', Number.MAX_SAFE_INTEGER) }
}

/** @throws GatewayError invalid_request */
export function readUsageQuery(given: GivenQuery, nowMs: number): LedgerQuery & { format: 'json' | 'csv' } {
  expectKnown(given, UsageQuery)
  const by = (text(given, 'by') ?? '').split(',').filter((name) => name !== '')
  const unknown = by.find((name) => !usageGroups.some((group) => group === name))
  if (unknown !== undefined) throw invalid('by', `unknown "${unknown}"; there are ${usageGroups.join(', ')}`)
  const sinceMs = timeOf(given, 'since', nowMs) ?? nowMs - defaultSinceMs
  const untilMs = timeOf(given, 'until', nowMs) ?? nowMs
  if (sinceMs >= untilMs) throw invalid('since', 'must be before until')
  const format = choice(given, 'format', ['json', 'csv'] as const) ?? 'json'
  return {
    sinceMs,
    untilMs,
    by: usageGroups.filter((group) => by.includes(group)),
    interval: choice(given, 'interval', usageIntervals) ?? 'total',
    filter: Object.fromEntries(usageGroups.map((group) => [group, text(given, group)])),
    after: cursorFrom(given),
    limit: format === 'csv' ? maxCsvRows : (whole(given, 'limit', maxUsageLimit) ?? defaultLimit),
    format,
  }
}

/** The text that the client got as `next` of the page before. */
export function cursorFrom(given: GivenQuery): string | undefined {
  const after = text(given, 'after')
  return after === undefined ? undefined : Buffer.from(after, 'base64url').toString()
}

/** The text by which a client asks for the page after. */
export function cursorOf(next: string | undefined): string | null {
  return next === undefined ? null : Buffer.from(next).toString('base64url')
}

/** A time, or how long ago: `7d`, `12h`. */
function timeOf(given: GivenQuery, name: string, nowMs: number): number | undefined {
  const value = text(given, name)
  if (value === undefined) return undefined
  const days = /^([0-9]{1,6})d$/.exec(value)?.[1]
  const agoMs = days === undefined ? parseDuration(value) : Number(days) * 86_400_000
  const atMs = agoMs === undefined || agoMs < 0 ? parseTime(value) : nowMs - agoMs
  if (atMs === undefined) throw invalid(name, 'must be a time (RFC 3339), or a duration such as 7d or 12h')
  return atMs
}

function parseTime(value: string): number | undefined {
  const atMs = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/.test(value)
    ? Date.parse(value)
    : Number.NaN
  return Number.isNaN(atMs) ? undefined : atMs
}

export function choice<const T extends readonly string[]>(
  given: GivenQuery,
  name: string,
  values: T,
): T[number] | undefined {
  const value = text(given, name)
  if (value === undefined) return undefined
  const found = values.find((each) => each === value)
  if (found === undefined) throw invalid(name, `must be one of ${values.join(', ')}`)
  return found
}

export function namesQuery(given: GivenQuery): NameQuery {
  return { search: text(given, 'search'), after: text(given, 'after'), limit: limitOf(given) }
}

function limitOf(given: GivenQuery): number {
  return whole(given, 'limit', maxLimit) ?? defaultLimit
}

export function whole(given: GivenQuery, name: string, max: number): number | undefined {
  const value = text(given, name)
  if (value === undefined) return undefined
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > max)
    throw invalid(name, `must be a whole number from 1 to ${max}`)
  return number
}

export function text(given: GivenQuery, name: string): string | undefined {
  const value = given[name]
  if (value === undefined || typeof value === 'string') return value
  throw invalid(name, 'must be given once')
}

export function expectKnown(given: GivenQuery, { properties }: { readonly properties: object }): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(properties, name))
  if (unknown !== undefined)
    throw invalid(unknown, `unknown; there are ${Object.keys(properties).join(', ')}`)
}

export function invalid(name: string, message: string): GatewayError {
  return new GatewayError('invalid_request', `${name}: ${message}`, { details: { param: name } })
}
