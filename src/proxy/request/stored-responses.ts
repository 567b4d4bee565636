import { cache } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { SharedCache } from '../../kernel/cells/shared-cache.ts'
import type { Clock } from '../../kernel/clock.ts'
import { memberSpans } from '../../kernel/json/body-members.ts'
import { quote } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import type { RoutingOutcome } from '../../routing/models/routing.ts'
import type { RelayedAnswer, RelayObserver } from '../contract/answer-observer.ts'
import { ResponseIdReader, tellsResponseId } from './response-id.ts'

/** Stored responses whose endpoint is remembered; half as many are kept for certain. */
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
 * Which endpoint has stored which response of the Responses API. No other endpoint can go on from it, tell it, cancel
 * it or delete it, whatever the balancer and sessions say.
 */
export class StoredResponses {
  readonly #slots: SharedCache

  constructor(clock: Clock, { slots }: CellsOf<typeof storedResponseCells>) {
    this.#slots = slots({ ttlMs: rememberedMs, clock })
  }

  /** Learns the names of responses from the answers that give them. */
  readonly observe = ({ head, path, target }: RelayedAnswer): RelayObserver | undefined => {
    if (!tellsResponseId(path, head)) return undefined
    return new ResponseIdReader((id) => this.learn(id.toString('latin1'), target.endpoint.slot))
  }

  learn(id: string, slot: number): void {
    if (id.length <= maxIdLength && slot <= SharedCache.maxValue) this.#slots.set(id, slot)
  }

  /** The endpoint that has what a request goes on from or names; undefined where that is not known. */
  ownerOf(path: string, body: Buffer | undefined): number | undefined {
    if (!path.includes('/responses')) return undefined
    const id = idInPath.exec(path)?.[1] ?? (body === undefined ? undefined : previousId(body))
    return id === undefined || id.length > maxIdLength ? undefined : this.#slots.get(id)
  }

  /** The outcome with only the endpoint that has the response, where it is a candidate. */
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
  // Most requests have none: that is found out without walking the body.
  if (!body.includes(previousName)) return undefined
  const span = memberSpans(body, previousKey)?.[0]
  if (span === undefined || body[span.start] !== quote) return undefined
  return body.toString('latin1', span.start + 1, span.end - 1)
}
