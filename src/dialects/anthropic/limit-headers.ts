import type { LimitedUse, WriteLimit } from '../contract/limit-headers.ts'

const names: Readonly<Record<LimitedUse, string>> = {
  requests: 'anthropic-ratelimit-requests',
  total: 'anthropic-ratelimit-tokens',
  prompt: 'anthropic-ratelimit-input-tokens',
  completion: 'anthropic-ratelimit-output-tokens',
}

export const writeLimit: WriteLimit = (headers, counted, { limit, remaining, resetInMs }, nowMs) => {
  const name = names[counted]
  headers.push(`${name}-limit`, String(limit))
  headers.push(`${name}-remaining`, String(remaining))
  headers.push(`${name}-reset`, timeText(nowMs + resetInMs))
}

/** RFC 3339, to the second. */
function timeText(ms: number): string {
  return `${new Date(Math.ceil(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`
}
