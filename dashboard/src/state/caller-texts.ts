/** Limits and policies in words. */
import type { Limits, Policy } from '../api/types.ts'
import { formatCount } from '../format/format.ts'

export type Fact = readonly [name: string, text: string]

/** The limits that are set; empty if there are none. */
export function limitFacts(limits: Limits): Fact[] {
  const facts: Fact[] = []
  if (limits.requests_per_minute > 0)
    facts.push(['Requests', `${formatCount(limits.requests_per_minute)} per minute`])
  if (limits.max_concurrent > 0) facts.push(['At a time', formatCount(limits.max_concurrent)])
  for (const [period, tokens] of [
    ['per minute', limits.tokens_per_minute],
    ['per day', limits.tokens_per_day],
  ] as const) {
    for (const [kind, name] of [
      ['total', 'Tokens'],
      ['prompt', 'Prompt tokens'],
      ['completion', 'Completion tokens'],
    ] as const) {
      if (tokens[kind] > 0) facts.push([name, `${formatCount(tokens[kind])} ${period}`])
    }
  }
  if (limits.soft > 0) facts.push(['Warns at', `${Math.round(limits.soft * 100)}% of these`])
  if (limits.budgets.length > 0) facts.push(['Budget', limits.budgets.map(budgetText).join('; ')])
  return facts
}

export function budgetText({ amount, unit, period, window, soft }: Limits['budgets'][number]): string {
  const size = unit === 'tokens' ? `${formatCount(amount)} tokens` : formatMoney(amount)
  const time = period === 'ever' ? 'in total' : `per ${period}`
  const moving = window === 'rolling' && period !== 'ever' ? ', rolling' : ''
  return `${size} ${time}${moving}${soft > 0 ? `, warns at ${Math.round(soft * 100)}%` : ''}`
}

/** In the currency of the price table, which has no name. */
export function formatMoney(amount: number): string {
  if (amount !== 0 && Math.abs(amount) < 0.01) return amount.toPrecision(2)
  return amount >= 10_000 ? formatCount(amount) : amount.toFixed(2)
}

/** What a policy restricts; empty if it allows everything. */
export function policyFacts(policy: Policy): Fact[] {
  const facts: Fact[] = [
    ['Models', filterText(policy.models)],
    ['Endpoints', filterText(policy.endpoints)],
    ['Endpoint tags', policy.endpoint_tags.join(', ')],
    ['APIs', policy.dialects.join(', ')],
    ['Routes', policy.routes.join(', ')],
    ['Networks', policy.networks.join(', ')],
    ['Defaults', valuesText(policy.defaults)],
    ['Caps', valuesText(policy.caps)],
    ['Priority', policy.priority === 'normal' ? '' : policy.priority],
    ['Weight', policy.weight === 1 ? '' : String(policy.weight)],
  ]
  return facts.filter(([, text]) => text !== '')
}

/** Facts on one line, for a cell of a table. */
export function factLine(facts: readonly Fact[]): string {
  return facts.map(([name, text]) => `${name}: ${text}`).join(' · ')
}

function filterText({ include = [], exclude = [] }: { include?: string[]; exclude?: string[] }): string {
  const parts = [include.join(', '), exclude.length === 0 ? '' : `not ${exclude.join(', ')}`]
  return parts.filter((part) => part !== '').join('; ')
}

function valuesText(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
}

const ledgerFailures: Readonly<Record<string, string>> = {
  disk_full: 'the disk is full',
  read_only: 'the store is read-only',
  locked: 'another program keeps the store locked',
  unreachable: 'the store cannot be reached',
  refused: 'the store refuses the user',
}

/** Why the ledger cannot be written. @param error as the status has it */
export function ledgerText(error: string | null): string {
  return ledgerFailures[error ?? ''] ?? 'the store cannot be written'
}
