import type { FoundRow, ProviderRow } from '../api/types.ts'
import type { Tone } from './event-text.ts'

const tones: Readonly<Record<FoundRow['state'], Tone>> = {
  active: 'good',
  pending: 'warn',
  missing: 'warn',
  'not ready': 'calm',
  held: 'calm',
  duplicate: 'calm',
  rejected: 'calm',
}

export function toneOfFound({ state, problem }: Pick<FoundRow, 'state' | 'problem'>): Tone {
  return problem === null ? tones[state] : 'bad'
}

/** What needs a decision or has a problem comes first. */
export function foundRank({ state, problem }: Pick<FoundRow, 'state' | 'problem'>): number {
  if (problem !== null) return 0
  const order: readonly FoundRow['state'][] = [
    'pending',
    'missing',
    'not ready',
    'held',
    'duplicate',
    'active',
  ]
  const at = order.indexOf(state)
  return at < 0 ? order.length + 1 : at + 1
}

export function toneOfProvider(state: ProviderRow['state']): Tone {
  if (state === 'ok') return 'good'
  return state === 'starting' ? 'calm' : 'bad'
}
