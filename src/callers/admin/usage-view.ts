import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { formatTime } from '../../kernel/format.ts'
import { LedgerField, ledgerView } from '../../observe/views/callers.ts'
import { Count, NullableText, Time } from '../../observe/views/fields.ts'
import type { LedgerState } from '../ledger/ledger.ts'
import type { UsagePage, UsageSum } from '../ledger/usage-query.ts'
import type { Usage } from '../ledger/usage-row.ts'
import { csvOf } from './csv.ts'
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
  cost: Type.Number({ description: 'By the price table; without those that have no price.' }),
  duration_ms: Count('Sum of the times from receipt to the last byte.'),
  unpriced: Count('Requests that used tokens of a model without a price.'),
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
  ledger: LedgerField,
})

export function usageView(
  { rows, total, next, ledger }: UsagePage & { readonly ledger: LedgerState },
  nowMs: number,
): Static<typeof UsageView> {
  return {
    usage: rows.map(rowView),
    total: countsView(total),
    next: cursorOf(next),
    ledger: ledgerView(ledger, nowMs),
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
    unpriced: usage.unpriced,
    duration_ms: usage.durationMs,
  }
}

/** The rows of a page as CSV. */
export function usageCsv({ rows }: Pick<UsagePage, 'rows'>): string {
  const views: Readonly<Record<string, unknown>>[] = rows.map(rowView)
  const names = propertyNames(UsageRowView).filter(
    (name) => name in counts || views.some((view) => name in view),
  )
  return csvOf(names, views)
}

function propertyNames({ properties }: { readonly properties: Readonly<Record<string, TSchema>> }): string[] {
  return Object.keys(properties)
}
