import type { LineRefusal } from '../../routing/line/line-contract.ts'
import type { LinePlace } from '../../routing/line/line-ticket.ts'
import type { RequestRoute } from '../contract/context.ts'

/** Reports where a request stood when it began to wait. */
export function notePlace(
  { headers }: Pick<RequestRoute, 'headers'>,
  { position, aheadTokens, waitMs }: LinePlace,
): void {
  headers.push('X-Olla-Queue-Position', String(position), 'X-Olla-Queue-Ahead-Tokens', String(aheadTokens))
  if (waitMs !== undefined) headers.push('X-Olla-Queue-Wait-Estimate', milliseconds(waitMs))
}

/** Reports where a request that may not wait would have stood. */
export function noteRefusal(
  { headers }: Pick<RequestRoute, 'headers'>,
  { waiting, waitMs }: LineRefusal,
): void {
  headers.push('X-Olla-Queue-Position', String(waiting + 1))
  if (waitMs !== undefined) headers.push('X-Olla-Queue-Wait-Estimate', milliseconds(waitMs))
}

/** Reports how long a request has waited. */
export function noteWait({ headers }: Pick<RequestRoute, 'headers'>, waitedMs: number): void {
  headers.push('X-Olla-Queue-Waited', milliseconds(waitedMs))
}

function milliseconds(ms: number): string {
  return `${Math.round(ms)}ms`
}
