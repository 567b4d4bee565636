import type { FeedState } from '../api/event-feed.ts'
import { feedState, isPolling, status } from '../live/gateway.ts'
import type { Tone } from '../state/event-text.ts'
import { ToneMark } from '../ui/status-mark.tsx'

const marks: Readonly<Record<FeedState, readonly [Tone, string]>> = {
  connecting: ['calm', 'connecting'],
  live: ['good', 'live'],
  lost: ['bad', 'not reached'],
  signed_out: ['bad', 'signed out'],
  refused: ['bad', 'refused'],
}

/** Shows whether the displayed data is current. */
export function ConnectionMark() {
  const isAnswering = status.state.value.error === undefined
  const [tone, text] =
    isPolling.value && isAnswering ? (['warn', 'polling'] as const) : marks[feedState.value]
  return <ToneMark tone={tone} text={text} />
}
