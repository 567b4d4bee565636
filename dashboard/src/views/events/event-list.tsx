import type { GatewayEvent } from '../../api/types.ts'
import { describeEvent } from '../../state/event-text.ts'
import { Clock } from '../../ui/age.tsx'
import { ToneMark } from '../../ui/status-mark.tsx'

/** Events as sentences, in the order given. */
export const EventList = ({ events }: { events: readonly GatewayEvent[] }) => (
  <ol class="events">
    {events.map((event) => (
      <EventItem key={event.id} event={event} />
    ))}
  </ol>
)

function EventItem({ event }: { event: GatewayEvent }) {
  const { tone, text, detail, endpoint } = describeEvent(event)
  return (
    <li class="event">
      <Clock at={event.at} />
      <span class="event-type mono small muted clip">{event.type}</span>
      <span class="event-text">
        <ToneMark tone={tone} text={endpoint === undefined ? text : `${endpoint}: ${text}`} />
        {detail !== '' && <span class="muted break"> {detail}</span>}
      </span>
    </li>
  )
}
