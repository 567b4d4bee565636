import { cache } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { SharedCache } from '../../kernel/cells/shared-cache.ts'
import type { Clock } from '../../kernel/clock.ts'
import { memberSpans } from '../../kernel/json/body-members.ts'
import { quote } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import type { RoutingOutcome } from '../../routing/models/routing.ts'
import type { RelayedAnswer, RelayObserver } from '../contract/answer-observer.ts'
import { hasResponseId, ResponseIdReader } from './response-id.ts'

/** Maximum number of stored responses whose endpoint is remembered; at least half of them are kept. */
const storedResponseCapacity = 32_768

export const storedResponseCells = cellLayout('stored-responses', () => ({
  slots: cache(storedResponseCapacity),
}))

const rememberedMs = 86_400_000
const maxIdLength = 512

const previousKey = new KeyNames<number>([['previous_response_id', 0]])
const previousName = Buffer.from('"previous_response_id"')
const idInPath = /\/responses\/([^/?]+)/

/**
 * Remembers which endpoint stored which response of the Responses API. No other endpoint can continue, return, cancel
 * or delete it, whatever the balancer and sessions prefer.
 */
export class StoredResponses {
  readonly #slots: SharedCache

  constructor(clock: Clock, { slots }: CellsOf<typeof storedResponseCells>) {
    this.#slots = slots({ ttlMs: rememberedMs, clock })
  }

  /** Reads the IDs of responses from answers that contain them. */
  readonly observe = ({ head, path, target }: RelayedAnswer): RelayObserver | undefined => {
    if (!hasResponseId(path, head)) return undefined
    return new ResponseIdReader((id) => this.learn(id.toString('latin1'), target.endpoint.slot))
  }

  learn(id: string, slot: number): void {
    if (id.length <= maxIdLength && slot <= SharedCache.maxValue) this.#slots.set(id, slot)
  }

  /** The endpoint that has the response that a request continues or names; undefined if unknown. */
  ownerOf(path: string, body: Buffer | undefined): number | undefined {
    if (!path.includes('/responses')) return undefined
    const id = idInPath.exec(path)?.[1] ?? (body === undefined ? undefined : previousId(body))
    return id === undefined || id.length > maxIdLength ? undefined : this.#slots.get(id)
  }

  /** The outcome reduced to the endpoint that has the response, if that is a candidate. */
  placed(outcome: RoutingOutcome, path: string, body: Buffer | undefined): RoutingOutcome {
    const owner = this.ownerOf(path, body)
    if (owner === undefined) return outcome
    for (const tier of outcome.tiers) {
      const candidates = tier.candidates.filter(({ endpoint }) => endpoint.slot === owner)
      if (candidates.length === 0) continue
      return {
        ...outcome,
        tiers: [{ ...tier, candidates, spillsWhenFull: false }],
        candidates: tier.isLastResort === true ? [] : candidates,
      }
    }
    return outcome
  }
}

function previousId(body: Buffer): string | undefined {
  // Most requests name none: a byte search finds that out without iterating over the body.
  if (!body.includes(previousName)) return undefined
  const span = memberSpans(body, previousKey)?.[0]
  if (span === undefined || body[span.start] !== quote) return undefined
  return body.toString('latin1', span.start + 1, span.end - 1)
}
