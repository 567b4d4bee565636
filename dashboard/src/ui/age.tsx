import { formatAgo, formatClock } from '../format/format.ts'
import { now } from '../live/clock.ts'

/** How long ago something was; the exact time as a tooltip. */
export function Ago({ at }: { at: string | undefined }) {
  if (at === undefined) return <span class="muted">never</span>
  const atMs = Date.parse(at)
  return (
    <time dateTime={at} title={new Date(atMs).toLocaleString()} class="nowrap">
      {formatAgo(atMs, now.value)}
    </time>
  )
}

export function Clock({ at }: { at: string }) {
  const atMs = Date.parse(at)
  return (
    <time dateTime={at} title={new Date(atMs).toLocaleString()} class="nowrap">
      {formatClock(atMs)}
    </time>
  )
}
