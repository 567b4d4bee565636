import ipaddr from 'ipaddr.js'
import { isRecord } from '../file/decode.ts'
import type { KeyPath, Problem } from '../schema/diagnostics.ts'

/** What the schema of a key, team or owner cannot express. @param value validated against the schema */
export function checkCaller(value: unknown, path: KeyPath): Problem[] {
  if (!isRecord(value)) return []
  const problems: Problem[] = []
  const error = (key: KeyPath, message: string) =>
    problems.push({ severity: 'error', path: [...path, ...key], message })
  const { name, expires, policy, limits } = value
  if (typeof name === 'string' && !isName(name))
    error(['name'], 'must not have spaces at its ends, or control characters')
  if (typeof expires === 'string' && !isTime(expires))
    error(['expires'], 'must be a time as in RFC 3339, such as 2027-01-31T00:00:00Z')
  if (isRecord(limits)) problems.push(...checkBudgets(listOf(limits.budgets), [...path, 'limits', 'budgets']))
  if (!isRecord(policy)) return problems
  for (const [index, network] of listOf(policy.networks).entries()) {
    if (!ipaddr.isValidCIDR(String(network).trim()))
      error(['policy', 'networks', index], `"${String(network)}" is not a network such as 10.0.0.0/8`)
  }
  for (const [index, route] of listOf(policy.routes).entries()) {
    if (!/^[/*]/.test(String(route))) error(['policy', 'routes', index], 'must begin with / or *')
  }
  for (const [parameter, cap] of Object.entries(isRecord(policy.caps) ? policy.caps : {})) {
    if (!(Number(cap) >= 0)) error(['policy', 'caps', parameter], 'must be at least 0')
  }
  return problems
}

/** What the cells of limits can count: money in hundred-millionths. */
const budgetRange = {
  money: { min: 1e-8, max: 20_000_000 },
  tokens: { min: 1, max: 10 ** 15 },
} as const

function checkBudgets(budgets: readonly unknown[], path: KeyPath): Problem[] {
  const problems: Problem[] = []
  const seen = new Set<string>()
  for (const [index, budget] of budgets.entries()) {
    if (!isRecord(budget)) continue
    const { amount, unit, period, window } = budget
    const { min, max } = unit === 'tokens' ? budgetRange.tokens : budgetRange.money
    if (!(Number(amount) >= min && Number(amount) <= max)) {
      const message = `must be from ${min} to ${max} in ${String(unit)}`
      problems.push({ severity: 'error', path: [...path, index, 'amount'], message })
    }
    const name = `${String(unit)} ${String(period)} ${String(window)}`
    if (seen.has(name)) {
      const message = 'another budget has this unit, period and window'
      problems.push({ severity: 'error', path: [...path, index], message })
    }
    seen.add(name)
  }
  return problems
}

/** Names appear in headers of metrics, lines and views. */
function isName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  return name.trim() === name && !/[\u0000-\u001f\u007f]/.test(name)
}

function isTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.test(text) &&
    !Number.isNaN(Date.parse(text))
  )
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
