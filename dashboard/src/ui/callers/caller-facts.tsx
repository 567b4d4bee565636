import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { LimitState, Limits, Policy, UsagePage } from '../../api/types.ts'
import { formatCount } from '../../format/format.ts'
import { limitsOf, readPeriods } from '../../live/callers.ts'
import { formatMoney, limitFacts, policyFacts } from '../../state/caller-texts.ts'
import { tokensOf } from '../../state/limit-use.ts'
import { Facts } from '../facts.tsx'
import type { CallerKind } from './caller-form.tsx'
import { LimitTable } from './limit-table.tsx'

export interface CallerFactsProps {
  readonly kind: CallerKind
  readonly id: string
  readonly limits: Limits
  /** Owners have none. */
  readonly policy: Policy | undefined
}

/** Limits, policy and use of a key, a team or an owner. */
export function CallerFacts({ kind, id, limits, policy }: CallerFactsProps) {
  const ofLimits = limitFacts(limits)
  const ofPolicy = policy === undefined ? undefined : policyFacts(policy)
  const { states, periods } = useLoaded(kind, id, JSON.stringify(limits))
  return (
    <>
      <h3>Limits</h3>
      {ofLimits.length === 0 ? <p class="muted">None.</p> : <Facts facts={ofLimits} />}
      {states.length > 0 && <LimitTable limits={states} />}
      {ofPolicy !== undefined && <h3>May use</h3>}
      {ofPolicy !== undefined &&
        (ofPolicy.length === 0 ? <p class="muted">Everything.</p> : <Facts facts={ofPolicy} />)}
      {periods !== undefined && (
        <>
          <h3>Used (UTC)</h3>
          <Facts
            facts={[
              ['Today', useText(periods.day)],
              ['This month', useText(periods.month)],
            ]}
          />
        </>
      )}
    </>
  )
}

const everyMs = 5_000

/** What is used now, read again while the drawer is open. */
function useLoaded(kind: CallerKind, id: string, limits: string) {
  const states = useSignal<readonly LimitState[]>([])
  const periods = useSignal<Awaited<ReturnType<typeof readPeriods>>>(undefined)
  useEffect(() => {
    const abort = new AbortController()
    async function load(): Promise<void> {
      const [ofLimits, ofPeriods] = await Promise.all([
        limitsOf(kind, [id], abort.signal),
        readPeriods(kind, id, abort.signal),
      ])
      states.value = ofLimits.get(id)?.limits ?? []
      periods.value = ofPeriods
    }
    // The list behind the drawer shows why nothing can be loaded.
    const quietly = () => void load().catch(() => undefined)
    quietly()
    const timer = setInterval(quietly, everyMs)
    return () => {
      clearInterval(timer)
      abort.abort()
    }
  }, [kind, id, limits])
  return { states: states.value, periods: periods.value }
}

function useText(total: UsagePage['total']): string {
  if (total.requests === 0) return 'nothing'
  return [
    `${formatCount(total.requests)} requests`,
    `${formatCount(total.refused)} refused`,
    `${formatCount(tokensOf(total))} tokens`,
    `cost ${formatMoney(total.cost)}`,
  ].join(', ')
}
