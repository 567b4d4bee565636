import type { LimitedUse, WriteLimit } from '../contract/limit-headers.ts'

/** The suffixes of the headers; OpenAI has none for the parts of a request. */
const names: Readonly<Partial<Record<LimitedUse, string>>> = { requests: 'requests', total: 'tokens' }

export const writeLimit: WriteLimit = (headers, counted, { limit, remaining, resetInMs }) => {
  const name = names[counted]
  if (name === undefined) return
  headers.push(`x-ratelimit-limit-${name}`, String(limit))
  headers.push(`x-ratelimit-remaining-${name}`, String(remaining))
  headers.push(`x-ratelimit-reset-${name}`, durationText(resetInMs))
}

/** As OpenAI writes durations: `1m4s`. */
function durationText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const minutes = Math.floor(seconds / 60)
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds - minutes * 60}s`
}
