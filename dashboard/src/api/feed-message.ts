import type { ServerSentEvent } from './sse.ts'
import type { FeedMessage, GatewayEvent, Hello, Sample } from './types.ts'

/**
 * A message of `/internal/events`.
 * @returns undefined for an unknown type or for broken data; the page ignores both
 */
export function readFeedMessage({ event, data }: ServerSentEvent): FeedMessage | undefined {
  const value = parsed(data)
  if (value === undefined) return undefined
  switch (event) {
    case 'hello':
      return { kind: 'hello', hello: value as unknown as Hello }
    case 'event':
      return { kind: 'event', event: value as unknown as GatewayEvent }
    case 'sample':
      return { kind: 'sample', sample: value as unknown as Sample }
    case 'gap': {
      const { reason, missed } = value
      return { kind: 'gap', reason: String(reason), missed: typeof missed === 'number' ? missed : null }
    }
    case 'bye':
      return { kind: 'bye', reason: String(value.reason) }
    default:
      return undefined
  }
}

function parsed(data: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
