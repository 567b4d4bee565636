import type { Attempt } from '../../api/types.ts'
import { formatMs } from '../../format/format.ts'
import type { Tone } from '../../state/event-text.ts'
import { ToneMark } from '../../ui/status-mark.tsx'

const tones: Readonly<Record<Attempt['outcome'], Tone>> = {
  answered: 'good',
  failed: 'bad',
  abandoned: 'calm',
}

/** A status that failed the attempt is its reason as well. */
function outcomeParts({ status, reason }: Attempt): string[] {
  const statusText = status === null ? '' : `status ${status}`
  return reason === null || reason === statusText ? [statusText] : [statusText, reason]
}

/** Each attempt and its outcome. */
export function AttemptList({ attempts }: { attempts: readonly Attempt[] }) {
  if (attempts.length === 0) return <p class="muted">No endpoint was tried.</p>
  return (
    <ol class="attempts">
      {attempts.map((attempt, index) => (
        <li key={index} class="attempt">
          <span class="name">
            {index + 1}. {attempt.endpoint}
          </span>
          <ToneMark tone={tones[attempt.outcome]} text={attempt.outcome} />
          <span class="muted small">
            {[
              ...outcomeParts(attempt),
              `from ${formatMs(attempt.started_ms)} to ${formatMs(attempt.ended_ms)}`,
            ]
              .filter(Boolean)
              .join(', ')}
          </span>
        </li>
      ))}
    </ol>
  )
}
