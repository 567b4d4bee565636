import type { Dialect } from '../errors.ts'

/** Which limits and log levels apply to a request. */
export type RouteClass = 'proxy' | 'internal'

/**
 * The API that a path belongs to, and with it the shape in which errors are told.
 * @param path below the gateway's own prefix
 * @param isAnthropicClient it says so with an `anthropic-version`: both APIs have a list of models at the root
 */
export function dialectOf(path: string, isAnthropicClient = false): Dialect {
  if (isAnthropicClient && path.startsWith('/v1/models')) return 'anthropic'
  if (path.startsWith('/v1/messages') || path.includes('/anthropic/') || path.endsWith('/v1/messages'))
    return 'anthropic'
  if (path.startsWith('/api/') || /^\/olla\/(?:ollama|proxy)\/api\//.test(path)) return 'ollama'
  return 'openai'
}

export function routeClassOf(path: string): RouteClass {
  return path.startsWith('/internal/') || path === '/version' ? 'internal' : 'proxy'
}
