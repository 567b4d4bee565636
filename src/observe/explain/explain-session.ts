import { depthOf } from '../../proxy/request/request-sessions.ts'
import type { SessionKey } from '../../routing/affinity/key-sources.ts'
import type { SessionAffinity, SessionDecision } from '../../routing/affinity/session-affinity.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'
import type { SessionExplanation } from './explanation.ts'

export function explainSession(
  key: SessionKey | undefined,
  decision: SessionDecision,
  candidates: readonly RoutedEndpoint[],
  affinity: SessionAffinity,
  nameOf: (slot: number) => string | undefined,
): SessionExplanation {
  const { match, target, outcome, reason } = decision
  const bound = match === undefined ? undefined : affinity.bound(match.slot, candidates)
  return {
    outcome,
    reason,
    key_source: key?.source ?? null,
    depth: key === undefined ? null : (depthOf(key, decision) ?? null),
    bound_to: match === undefined ? null : (nameOf(match.slot) ?? null),
    load: bound === undefined ? null : rounded(bound.load),
    load_limit: bound === undefined || !Number.isFinite(bound.limit) ? null : rounded(bound.limit),
    preferred: target?.endpoint.name ?? null,
  }
}

/** Text about the session's effect on one endpoint; undefined if there is none. */
export function sessionReasonText(
  { match, earlier, target, reason }: SessionDecision,
  slot: number,
): string | undefined {
  if (slot === target?.endpoint.slot) {
    if (reason === 'bound') return 'its session is bound here'
    return slot === earlier?.slot
      ? 'an earlier turn of its conversation was served here'
      : 'its tools and system prompt are cached here'
  }
  if (slot !== match?.slot) return undefined
  if (reason === 'over_bound')
    return 'its session is bound here, but the endpoint exceeds its share of the load'
  if (reason === 'not_in_memory') return 'its session is bound here, but the model has been unloaded'
  return undefined
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
