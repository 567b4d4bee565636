import { live } from '../../live/gateway.ts'
import { isNews } from '../../state/event-text.ts'
import { formatAddress } from '../../state/view-address.ts'
import { EventList } from '../events/event-list.tsx'

const shownEvents = 8

/** The latest events, on the first view. */
export function LatestEvents() {
  const events = live.value.events.filter(isNews).slice(-shownEvents).reverse()
  if (events.length === 0) return null
  return (
    <section class="below" aria-labelledby="latest-events">
      <div class="toolbar">
        <h2 id="latest-events">Latest events</h2>
        <a href={formatAddress('events')}>All events</a>
      </div>
      <EventList events={events} />
    </section>
  )
}
