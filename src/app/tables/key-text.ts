import { isRecord } from '../../config/file/decode.ts'
import { columns } from './columns.ts'

/** A key for people: the secret first, because it is shown once. */
export function keyText(key: unknown): string {
  if (!isRecord(key)) return ''
  const { key: secret, policy, limits, metadata, ...rest } = key
  const lines = Object.entries(rest)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${name.padEnd(12)} ${String(value)}`)
  for (const [name, value] of Object.entries({ metadata, policy, limits })) {
    const set = settings(value, '')
    if (set.length > 0) lines.push(`${name.padEnd(12)} ${set.join('  ')}`)
  }
  const shown = secret === undefined ? [] : [`${String(secret)}`, 'Keep it now: it is not shown again.', '']
  return `${[...shown, ...lines].join('\n')}\n`
}

/** Keys in columns. */
export function keyTable(keys: readonly unknown[]): string {
  if (keys.length === 0) return 'no keys\n'
  const rows = keys.filter(isRecord).map((key) => {
    const { id, name, hint, owner, team, enabled, expires } = key
    const state = enabled === false ? 'disabled' : isPast(expires) ? 'expired' : 'active'
    return [name, id, hint === '' ? '-' : `…${String(hint)}`, owner ?? '-', team ?? '-', state].map(String)
  })
  return columns([['NAME', 'ID', 'KEY', 'OWNER', 'TEAM', 'STATE'], ...rows])
}

/** Teams or owners in columns. */
export function groupTable(groups: readonly unknown[], kind: string): string {
  if (groups.length === 0) return `no ${kind}s\n`
  const rows = groups.filter(isRecord).map(({ name, enabled, limits, source }) => {
    const set = settings(limits, '')
    const state = enabled === false ? 'disabled' : 'active'
    return [name, state, source, set.length === 0 ? '-' : set.join('  ')].map(String)
  })
  return columns([['NAME', 'STATE', 'SOURCE', 'LIMITS'], ...rows])
}

/** What is set, as `name=value`: not the zeros, empty lists and defaults. */
function settings(value: unknown, prefix: string): string[] {
  if (!isRecord(value)) return []
  return Object.entries(value).flatMap(([name, each]) => {
    if (isRecord(each)) return settings(each, `${prefix}${name}.`)
    const isUnset =
      each === 0 ||
      each === '' ||
      (Array.isArray(each) && each.length === 0) ||
      (name === 'priority' && each === 'normal') ||
      (name === 'weight' && each === 1)
    if (isUnset) return []
    return [`${prefix}${name}=${typeof each === 'string' ? each : JSON.stringify(each)}`]
  })
}

function isPast(time: unknown): boolean {
  return typeof time === 'string' && Date.parse(time) <= Date.now()
}
