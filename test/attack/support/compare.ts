import type { Delivered } from './strict-capture.ts'
import type { Talk } from './talk.ts'

/** What one server made of a case. */
export interface Outcome {
  readonly delivered: readonly Delivered[]
  readonly talk: Talk
}

export interface Comparison {
  /** Why the difference is serious; undefined where it is not. */
  readonly serious: string | undefined
  /** Delivered by one server and not by the other, or one request more: chance where garbage follows a request. */
  readonly differs: boolean
}

/** Bodies of these do not go on, so that the request may go on before its body is known. */
const withoutBody = new Set(['GET', 'HEAD'])

function isSame(one: Delivered, other: Delivered, what: 'all' | 'content'): boolean {
  if (one.method !== other.method) return false
  if (!withoutBody.has(one.method) && one.body !== other.body) return false
  return (
    what === 'content' || (one.target === other.target && one.fields.join('\n') === other.fields.join('\n'))
  )
}

/**
 * Compares what reached the endpoint.
 * @param read what Node's parser reads of the same bytes; undefined where that cannot be told
 */
export function compare(own: Outcome, node: Outcome, read: Outcome | undefined): Comparison {
  return { serious: seriousOf(own, node, read), differs: own.delivered.length !== node.delivered.length }
}

function seriousOf(own: Outcome, node: Outcome, read: Outcome | undefined): string | undefined {
  for (const [name, outcome] of Object.entries({ own, node })) {
    if (read === undefined) break
    const [unread] = missing(outcome.delivered, read.delivered, 'content')
    if (unread !== undefined) return `${name} delivers what Node does not read: ${JSON.stringify(unread)}`
    const answers = outcome.talk.statuses.length
    // One answer more refuses what follows, and one is the canary's.
    if (answers > read.delivered.length + 2) return `${name} answers ${answers} times`
  }
  const count = Math.min(own.delivered.length, node.delivered.length)
  if (missing(own.delivered, node.delivered, 'all').length > own.delivered.length - count)
    return `own and node differ: ${JSON.stringify(own.delivered)} against ${JSON.stringify(node.delivered)}`
  return undefined
}

/** Those of the first for which there is none among the second. Requests in a row overtake one another. */
function missing(
  ones: readonly Delivered[],
  others: readonly Delivered[],
  what: 'all' | 'content',
): Delivered[] {
  const left = [...others]
  return ones.filter((one) => {
    const at = left.findIndex((other) => isSame(one, other, what))
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/** What a proxy reads otherwise than Node's parser where the gateway lets the case through as well. */
export function proxyReadsOtherwise(own: Outcome, proxy: Outcome, read: Outcome): string | undefined {
  if (own.delivered.length === 0) return undefined
  const [other] = missing(proxy.delivered, read.delivered, 'content')
  return other === undefined ? undefined : `a proxy reads ${JSON.stringify(other)}`
}
