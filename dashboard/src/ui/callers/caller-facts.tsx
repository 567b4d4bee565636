import type { Limits, Policy, UsageRow } from '../../api/types.ts'
import { formatCount } from '../../format/format.ts'
import { formatMoney, limitFacts, policyFacts } from '../../state/caller-texts.ts'
import { nearestLimit, nearShare, tokensOf, type UsePeriods } from '../../state/limit-use.ts'
import { Facts } from '../facts.tsx'

export interface CallerFactsProps {
  readonly limits: Limits
  readonly policy: Policy
  /** Undefined if the gateway does not count it. */
  readonly use: UsePeriods | undefined
}

/** Limits, policy and use of a key or a team. */
export function CallerFacts({ limits, policy, use }: CallerFactsProps) {
  const ofLimits = limitFacts(limits)
  const ofPolicy = policyFacts(policy)
  const nearest = use && nearestLimit(limits, use)
  return (
    <>
      <h3>Limits</h3>
      {ofLimits.length === 0 ? <p class="muted">None.</p> : <Facts facts={ofLimits} />}
      {nearest !== undefined && nearest.share >= nearShare && (
        <p class="warn">Near a limit: {nearest.text}.</p>
      )}
      <h3>May use</h3>
      {ofPolicy.length === 0 ? <p class="muted">Everything.</p> : <Facts facts={ofPolicy} />}
      {use !== undefined && (
        <>
          <h3>Used (UTC)</h3>
          <Facts
            facts={[
              ['Today', useText(use.day)],
              ['This month', useText(use.month)],
            ]}
          />
        </>
      )}
    </>
  )
}

function useText(row: UsageRow | undefined): string {
  if (row === undefined) return 'nothing'
  return [
    `${formatCount(row.requests)} requests`,
    `${formatCount(row.refused)} refused`,
    `${formatCount(tokensOf(row))} tokens`,
    `cost ${formatMoney(row.cost)}`,
  ].join(', ')
}
