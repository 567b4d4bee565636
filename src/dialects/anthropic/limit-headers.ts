import type { LimitedUse, WriteLimit } from '../contract/limit-headers.ts'

/** Names of the headers of one limit: whole constants, because a composed name would be hashed for every answer. */
interface Names {
  readonly limit: string
  readonly remaining: string
  readonly reset: string
}

const names: Readonly<Record<LimitedUse, Names>> = {
  requests: namesOf('requests'),
  total: namesOf('tokens'),
  prompt: namesOf('input-tokens'),
  completion: namesOf('output-tokens'),
}

/** Texts of the seconds in use: limits per minute are free again within 65. */
const texts = new Map<number, string>()
const maxTexts = 128

export const writeLimit: WriteLimit = (headers, counted, { limit, remaining, resetInMs }, nowMs) => {
  const name = names[counted]
  headers.push(
    name.limit,
    String(limit),
    name.remaining,
    String(remaining),
    name.reset,
    timeText(Math.ceil((nowMs + resetInMs) / 1000)),
  )
}

function namesOf(part: string): Names {
  const prefix = `anthropic-ratelimit-${part}`
  return { limit: `${prefix}-limit`, remaining: `${prefix}-remaining`, reset: `${prefix}-reset` }
}

/** RFC 3339, to the second. */
function timeText(seconds: number): string {
  const known = texts.get(seconds)
  if (known !== undefined) return known
  const text = `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
  if (texts.size >= maxTexts) texts.clear()
  texts.set(seconds, text)
  return text
}
