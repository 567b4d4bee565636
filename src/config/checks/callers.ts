import { callersAreOn, hasKeys, identifiesOtherwise } from '../options/derived.ts'
import type { KeyPath, Problem } from '../schema/diagnostics.ts'
import type { GatewayConfig } from '../schema/schema.ts'
import { checkCaller } from './caller-rules.ts'
import { checkIdentity } from './identity-rules.ts'
import { checkWebhooks } from './webhook-rules.ts'

/** Problems of the section `callers`. @param config before secrets are read */
export function checkCallers({ callers }: GatewayConfig): Problem[] {
  const { store, keys, teams, owners, secret, secret_file: secretFile } = callers
  const problems: Problem[] = []
  const error = (path: KeyPath, message: string) => problems.push({ severity: 'error', path, message })
  const lists = { keys, teams, owners } as const
  for (const [list, records] of Object.entries(lists)) {
    for (const [index, record] of records.entries())
      problems.push(...checkCaller(record, ['callers', list, index]))
    for (const index of repeats(records.map(({ name }) => name)))
      error(['callers', list, index, 'name'], 'another one has this name')
  }
  for (const index of repeats(keys.map(({ hash }) => hash)))
    error(['callers', 'keys', index, 'hash'], 'another key has this hash')
  if (!isTimeZone(callers.time_zone))
    error(['callers', 'time_zone'], `there is no time zone "${callers.time_zone}"`)
  const isPostgres = /^postgres(?:ql)?:/i.test(store)
  if (isPostgres && !URL.canParse(store))
    error(['callers', 'store'], 'is not a URL such as postgres://user@host/database')
  // Otherwise it would be the path of a file.
  if (!isPostgres && /^[a-z][a-z0-9+.-]*:\/\//i.test(store))
    error(
      ['callers', 'store'],
      'must be the path of a SQLite file, or a URL such as postgres://user@host/database',
    )
  problems.push(...checkIdentity(callers), ...checkWebhooks(callers))
  if (!callersAreOn(callers)) return problems
  const hasSecret = secret !== undefined || secretFile !== undefined
  // Without a store, and with other proofs, there are no keys to hash.
  const needsSecret = isPostgres || (store === '' && (hasKeys(callers) || !identifiesOtherwise(callers)))
  if (!hasSecret && needsSecret) {
    const reason = isPostgres
      ? 'is needed: all gateways at this store must have the same'
      : 'is needed, because keys are hashed with it'
    error(['callers', 'secret'], reason)
  }
  if (!hasKeys(callers) && !identifiesOtherwise(callers)) {
    problems.push({
      severity: 'warning',
      path: ['callers', 'enabled'],
      message: 'there are neither keys nor a store for them: every request without a caller is refused',
    })
  }
  if (store !== '') return problems
  const known = new Set(teams.map(({ name }) => name))
  for (const [index, { team }] of keys.entries()) {
    if (team !== undefined && !known.has(team))
      error(['callers', 'keys', index, 'team'], `there is no team "${team}"`)
  }
  return problems
}

function isTimeZone(name: string): boolean {
  // Of the default: a formatter loads the data of a locale, which takes 13 ms.
  if (name === 'UTC') return true
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** Indexes of the texts that are in the list before. */
function repeats(texts: readonly string[]): number[] {
  const seen = new Set<string>()
  return [...texts.keys()].filter((index) => {
    const text = texts[index] ?? ''
    const isRepeated = seen.has(text)
    seen.add(text)
    return isRepeated
  })
}
