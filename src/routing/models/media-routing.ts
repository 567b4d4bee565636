import { needNames, type RequestNeeds } from './needs.ts'
import { outcomeOf } from './outcome.ts'
import type { RoutedEndpoint, RoutingOutcome } from './routing.ts'

/** Media that endpoints report and requests contain. */
const media = [
  { part: 'image', ability: 'vision', need: 'vision', reason: 'model_reads_no_images', name: 'images' },
  { part: 'audio', ability: 'audio', need: 'audio', reason: 'model_reads_no_audio', name: 'audio' },
] as const

/** The medium that no model can read, for a request refused for that reason; undefined for other reasons. */
export function unreadMedium({ reason }: Pick<RoutingOutcome, 'reason'>): string | undefined {
  return media.find((each) => each.reason === reason)?.name
}

/** Whether the endpoint of any candidate reports that its model reads no images or no audio. */
export function someMayRefuse({ candidates }: RoutingOutcome): boolean {
  return candidates.some((each) => refuses(each, 'vision') || refuses(each, 'audio'))
}

function refuses({ abilities }: RoutedEndpoint, ability: 'vision' | 'audio'): boolean {
  return abilities?.reported?.[ability] === false
}

/**
 * Removes candidates whose endpoints report that they cannot read the request's media. If all report so and the request
 * really contains the medium, it is refused: endpoints answer such requests with 500, which clients retry.
 */
export function withoutUnable(outcome: RoutingOutcome, needs: RequestNeeds, by: Set<string>): RoutingOutcome {
  let { tiers } = outcome
  for (const { part, ability, need, reason } of media) {
    if (needs.media === undefined || !needs[need]) continue
    const open = tiers.map((tier) => {
      const candidates = tier.candidates.filter((each) => !refuses(each, ability))
      return candidates.length === tier.candidates.length ? tier : { ...tier, candidates }
    })
    const left = open.filter(({ candidates }) => candidates.length > 0)
    if (open.every((tier, at) => tier === tiers[at])) continue
    if (left.length === 0) {
      if (!needs.media()[part]) continue
      return { ...outcome, tiers: [], candidates: [], decision: 'rejected', reason, status: 400 }
    }
    if (left.every(({ isLastResort }) => isLastResort === true)) {
      // An endpoint that can read it is down.
      if (!needs.media()[part]) continue
      const refusal = { decision: 'rejected', reason: 'model_unavailable', status: 503 } as const
      return { ...outcome, ...refusal, tiers: left, candidates: [], knowledge: 'unavailable' }
    }
    tiers = left
    by.add(needNames[need])
  }
  return tiers === outcome.tiers ? outcome : outcomeOf({ ...outcome, tiers })
}
