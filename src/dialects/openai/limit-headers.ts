import type { LimitedUse, WriteLimit } from '../contract/limit-headers.ts'

/** Names of the headers of one limit: whole constants, because a composed name would be hashed for every answer. */
interface Names {
  readonly limit: string
  readonly remaining: string
  readonly reset: string
}

/** OpenAI has none for the parts of a request. */
const names: Readonly<Partial<Record<LimitedUse, Names>>> = {
  requests: namesOf('requests'),
  total: namesOf('tokens'),
}

/** Texts of the durations in use: limits per minute are free again within 65 seconds. */
const texts: string[] = []
const maxTexts = 128

export const writeLimit: WriteLimit = (headers, counted, { limit, remaining, resetInMs }) => {
  const name = names[counted]
  if (name === undefined) return
  headers.push(
    name.limit,
    String(limit),
    name.remaining,
    String(remaining),
    name.reset,
    durationText(Math.max(0, Math.ceil(resetInMs / 1000))),
  )
}

function namesOf(suffix: string): Names {
  return {
    limit: `x-ratelimit-limit-${suffix}`,
    remaining: `x-ratelimit-remaining-${suffix}`,
    reset: `x-ratelimit-reset-${suffix}`,
  }
}

/** As OpenAI writes durations: `1m4s`. */
function durationText(seconds: number): string {
  const known = texts[seconds]
  if (known !== undefined) return known
  const minutes = Math.floor(seconds / 60)
  const text = minutes === 0 ? `${seconds}s` : `${minutes}m${seconds - minutes * 60}s`
  if (seconds < maxTexts) texts[seconds] = text
  return text
}
