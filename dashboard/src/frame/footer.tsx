import { formatPlural, formatSpan } from '../format/format.ts'
import { now } from '../live/clock.ts'
import { live, status } from '../live/gateway.ts'

export function Footer() {
  const system = status.state.value.value?.system
  const { hello } = live.value
  return (
    <footer class="footer">
      {system !== undefined && (
        <>
          <span>version {system.version}</span>
          <span>up {formatSpan(now.value - Date.parse(system.start_time))}</span>
        </>
      )}
      {hello !== undefined && <span>{formatPlural(hello.threads, 'thread')}</span>}
      <span>All times are yours; all numbers are the gateway’s.</span>
    </footer>
  )
}
