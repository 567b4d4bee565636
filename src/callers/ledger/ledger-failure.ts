export const ledgerFailures = [
  'disk_full',
  'read_only',
  'locked',
  'unreachable',
  'refused',
  'failed',
] as const
/** Why the store cannot be written; `refused` by the database, for the user or its rights. */
export type LedgerFailure = (typeof ledgerFailures)[number]

/** Result codes of SQLite (https://www.sqlite.org/rescode.html), of which extended ones have more bits. */
const sqliteCodes: Readonly<Record<number, LedgerFailure>> = {
  5: 'locked',
  6: 'locked',
  8: 'read_only',
  10: 'unreachable',
  13: 'disk_full',
  14: 'unreachable',
}

/** Classes of PostgreSQL's error codes (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const postgresCodes: readonly (readonly [prefix: string, LedgerFailure])[] = [
  ['53100', 'disk_full'],
  ['25006', 'read_only'],
  ['08', 'unreachable'],
  ['57P', 'unreachable'],
  ['53', 'unreachable'],
  ['28', 'refused'],
  ['42501', 'refused'],
  ['55P03', 'locked'],
]

const networkCodes = /^(?:E(?:CONN|HOST|NET|TIMEDOUT|PIPE|AI_)|ENOTFOUND)/

export function ledgerFailure(error: unknown): LedgerFailure {
  if (!(error instanceof Error)) return 'failed'
  if ('errcode' in error && typeof error.errcode === 'number')
    return sqliteCodes[error.errcode & 0xff] ?? 'failed'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'ENOSPC') return 'disk_full'
  if (networkCodes.test(code)) return 'unreachable'
  const found = postgresCodes.find(([prefix]) => code.startsWith(prefix))
  if (found !== undefined) return found[1]
  return /connection (?:terminated|timeout)|timeout/i.test(error.message) ? 'unreachable' : 'failed'
}
