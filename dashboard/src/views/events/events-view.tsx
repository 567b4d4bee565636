import { useSignal } from '@preact/signals'
import type { GatewayEvent } from '../../api/types.ts'
import { live } from '../../live/gateway.ts'
import { isNews } from '../../state/event-text.ts'
import { Choice, Switch } from '../../ui/fields.tsx'
import { HoldButton } from '../../ui/hold-button.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { EventList } from './event-list.tsx'

/** Maximum number of events shown. */
const shownEvents = 200

/** Live list of events, newest first. */
export function EventsView() {
  const group = useSignal('')
  const withRoutine = useSignal(false)
  const held = useSignal<readonly GatewayEvent[] | undefined>(undefined)
  const events = held.value ?? live.value.events
  const found = events.filter(
    (event) =>
      (withRoutine.value || isNews(event)) && (group.value === '' || groupOf(event.type) === group.value),
  )
  return (
    <>
      <Toolbar title="Events" note={`${found.length} heard`}>
        <Choice
          label="Kind"
          value={group.value}
          options={[['', 'All kinds'], ...groupsOf(live.value.hello?.event_types ?? [])]}
          onChoose={(chosen) => {
            group.value = chosen
          }}
        />
        <Switch
          label="Routine too"
          isOn={withRoutine.value}
          onSwitch={(isOn) => {
            withRoutine.value = isOn
          }}
        />
        <HoldButton held={held} current={live.value.events} />
      </Toolbar>
      {found.length === 0 ? (
        <Empty title="No events yet">
          Changes of endpoints and circuits, failovers, refusals and other events appear here as they happen.
        </Empty>
      ) : (
        <EventList events={found.slice(-shownEvents).reverse()} />
      )}
    </>
  )
}

const groupOf = (type: string) => type.split('.')[0] ?? type

function groupsOf(types: readonly string[]): (readonly [string, string])[] {
  return [...new Set(types.map(groupOf))].sort().map((group) => [group, group] as const)
}
