import type { Dialect } from '../../kernel/errors.ts'
import { Remembered } from '../../kernel/remembered.ts'

/** Which limits and log levels apply to a request. */
export type RouteClass = 'proxy' | 'internal'

const remembered = new Remembered<Dialect>()

/**
 * The API that a path belongs to, and with it the shape in which errors are told.
 * @param path below the gateway's own prefix
 * @param isAnthropicClient it says so with an `anthropic-version`: both APIs have some paths at the root
 */
export function dialectOf(path: string, isAnthropicClient = false): Dialect {
  if (isAnthropicClient && /^\/v1\/(?:models|files|complete|skills|organizations)(?:\/|$)/.test(path))
    return 'anthropic'
  const found = remembered.get(path)
  if (found !== undefined) return found
  const dialect = dialectOfPath(path)
  remembered.set(path, dialect)
  return dialect
}

function dialectOfPath(path: string): Dialect {
  if (path.includes('/anthropic/') || /\/v1\/messages(?:\/|$)/.test(path)) return 'anthropic'
  // `/api/v0` and `/api/v1` are LM Studio's and Lemonade's.
  if (/^(?:\/olla\/(?:ollama|proxy))?\/api\/(?!v\d)/.test(path)) return 'ollama'
  return 'openai'
}

export function routeClassOf(path: string): RouteClass {
  return path.startsWith('/internal/') || path === '/version' ? 'internal' : 'proxy'
}
