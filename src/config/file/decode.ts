import { KindGuard, type TObject, type TSchema } from '@sinclair/typebox'
import { unitKeyword } from '../schema/units.ts'

/** Milliseconds in each unit of a Go duration. */
const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

/**
 * Parses a Go duration (`1h30m`, `1.5s`, `0`) into milliseconds.
 * @returns undefined if the text is not a duration
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const match = /^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text)
  if (match?.[2] === undefined) return undefined
  let totalMs = 0
  for (const [, amount, unit] of match[2].matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    totalMs += Number(amount) * (unitMs[unit ?? ''] ?? 0)
  }
  return match[1] === '-' ? -totalMs : totalMs
}

/** Formats milliseconds as the shortest equivalent Go duration. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (ms % 1 !== 0 || Math.abs(ms) < 1000) return ms % 1 === 0 ? `${ms}ms` : `${Math.round(ms * 1000)}us`
  let rest = Math.abs(ms)
  let text = ms < 0 ? '-' : ''
  for (const unit of ['h', 'm', 's', 'ms']) {
    const size = unitMs[unit] ?? 1
    const amount = Math.floor(rest / size)
    if (amount > 0) text += `${amount}${unit}`
    rest -= amount * size
  }
  return text
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/**
 * Parses a size (`100MB`, `64KiB`, `1024`) into bytes; units are binary, as in Olla.
 * @returns undefined if the text is not a size
 */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmg]?)i?b)?$/i.exec(text.trim())
  if (match?.[1] === undefined) return undefined
  return Math.round(Number(match[1]) * (unitBytes[(match[2] ?? '').toLowerCase()] ?? 1))
}

/** Fills in defaults and converts texts with units to numbers. The value must be valid; it is not modified. */
export function decode(schema: TSchema, value: unknown): unknown {
  const given = value ?? schema.default
  const unit: unknown = schema[unitKeyword]
  if (unit === 'duration') return typeof given === 'string' ? (parseDuration(given) ?? 0) : given
  if (unit === 'bytes') return typeof given === 'string' ? (parseBytes(given) ?? 0) : given
  if (unit === 'memory') return typeof given === 'string' ? (parseBytes(given) ?? 'auto') : given
  if (KindGuard.IsObject(schema)) return decodeObject(schema, isRecord(given) ? given : {})
  if (KindGuard.IsArray(schema))
    return Array.isArray(given) ? given.map((item) => decode(schema.items, item)) : []
  if (KindGuard.IsUnion(schema)) {
    const member = schema.anyOf.find((each) =>
      Array.isArray(given)
        ? KindGuard.IsArray(each)
        : isRecord(given)
          ? KindGuard.IsObject(each)
          : !KindGuard.IsObject(each) && !KindGuard.IsArray(each),
    )
    return member === undefined ? given : decode(member, given)
  }
  if (KindGuard.IsRecord(schema)) {
    const [item] = Object.values(schema.patternProperties)
    const entries = Object.entries(isRecord(given) ? given : {})
    return Object.fromEntries(
      entries.map(([key, each]) => [key, item === undefined ? each : decode(item, each)]),
    )
  }
  return given
}

function decodeObject(schema: TObject, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const decoded: Record<string, unknown> = {}
  for (const [key, property] of Object.entries(schema.properties)) {
    // Optional keys get no default, because their absence has a meaning.
    if (given[key] === undefined && KindGuard.IsOptional(property)) continue
    decoded[key] = decode(property, given[key])
  }
  return decoded
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
