import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { formatTime } from '../../kernel/format.ts'
import { NullableText } from '../../observe/live/fields.ts'
import { Count, Time } from '../../observe/views/fields.ts'
import type { LedgerState } from '../ledger/ledger.ts'
import type { UsagePage, UsageSum } from '../ledger/usage-query.ts'
import type { Usage } from '../ledger/usage-row.ts'
import { cursorOf } from './queries.ts'

const counts = {
  requests: Count('Requests that are over; one however many attempts it took.'),
  ok: Count('Answered completely.'),
  client_errors: Count('4xx, except those that were refused.'),
  upstream_errors: Count('5xx, and answers that broke off.'),
  cancelled: Count('The client left, or an operator ended it.'),
  refused: Count('Refused for what the caller may use, or how much.'),
  prompt_tokens: Count('Includes cached tokens.'),
  cached_tokens: Count('Prompt tokens that the endpoint read from a cache.'),
  reasoning_tokens: Count('Completion tokens that are reasoning.'),
  completion_tokens: Count('Of broken answers, those that arrived.'),
  cost: Type.Number({ description: 'By the price table; 0 without a price.' }),
  duration_ms: Count('Sum of the times from receipt to the last byte.'),
}

const Group = (name: string) => Type.Optional(Type.String({ description: `If \`by\` names \`${name}\`.` }))

export const UsageRowView = Type.Object({
  at: Type.Optional(Time('Start of the hour or the day; absent in totals.')),
  key_id: Group('key'),
  key: Group('key'),
  owner: Group('owner'),
  team: Group('team'),
  model: Group('model'),
  endpoint: Group('endpoint'),
  ...counts,
})

export const UsageView = Type.Object({
  usage: Type.Array(UsageRowView, { description: 'In the order of time and names.' }),
  total: Type.Object(counts, { description: 'Of all pages.' }),
  next: NullableText('`after` of the next page; null on the last.'),
  ledger: Type.Object(
    {
      writable: Type.Boolean({ description: 'Whether the last write succeeded.' }),
      pending_rows: Count('Rows in memory that are not in the store, and not in this answer.'),
      pending_since: NullableText('RFC 3339.'),
      lost_requests: Count('Requests that were not counted, because the store was away for too long.'),
    },
    { description: 'Whether the store has everything.' },
  ),
})

export function usageView({
  rows,
  total,
  next,
  ledger,
}: UsagePage & { readonly ledger: LedgerState }): Static<typeof UsageView> {
  const { isWritable, pendingRows, pendingSinceMs, lostRequests } = ledger
  return {
    usage: rows.map(rowView),
    total: countsView(total),
    next: cursorOf(next),
    ledger: {
      writable: isWritable,
      pending_rows: pendingRows,
      pending_since: pendingSinceMs === undefined ? null : formatTime(pendingSinceMs),
      lost_requests: lostRequests,
    },
  }
}

function rowView({
  atMs,
  keyId,
  key,
  owner,
  team,
  model,
  endpoint,
  ...usage
}: UsageSum): Static<typeof UsageRowView> {
  return {
    ...(atMs === undefined ? {} : { at: formatTime(atMs) }),
    ...(keyId === undefined ? {} : { key_id: keyId }),
    ...(key === undefined ? {} : { key }),
    ...(owner === undefined ? {} : { owner }),
    ...(team === undefined ? {} : { team }),
    ...(model === undefined ? {} : { model }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...countsView(usage),
  }
}

function countsView(usage: Usage) {
  return {
    requests: usage.requests,
    ok: usage.ok,
    client_errors: usage.clientErrors,
    upstream_errors: usage.upstreamErrors,
    cancelled: usage.cancelled,
    refused: usage.refused,
    prompt_tokens: usage.promptTokens,
    cached_tokens: usage.cachedTokens,
    reasoning_tokens: usage.reasoningTokens,
    completion_tokens: usage.completionTokens,
    cost: usage.cost,
    duration_ms: usage.durationMs,
  }
}

/** Rows as CSV (RFC 4180), with the names of the JSON fields as header. */
export function usageCsv({ rows }: Pick<UsagePage, 'rows'>): string {
  const views: Readonly<Record<string, unknown>>[] = rows.map(rowView)
  const names = propertyNames(UsageRowView).filter(
    (name) => name in counts || views.some((view) => name in view),
  )
  const lines = views.map((view) => names.map((name) => cell(view[name])).join(','))
  return `${[names.join(','), ...lines].join('\r\n')}\r\n`
}

function propertyNames({ properties }: { readonly properties: Readonly<Record<string, TSchema>> }): string[] {
  return Object.keys(properties)
}

/** Spreadsheets execute a text that begins like a formula: an apostrophe prevents that. */
function cell(value: unknown): string {
  if (typeof value !== 'string') return String(value ?? '')
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
