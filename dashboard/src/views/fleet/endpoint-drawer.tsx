import type { EndpointRow } from '../../api/types.ts'
import { formatCount, formatMs, formatOllaTime } from '../../format/format.ts'
import { goTo } from '../../live/address.ts'
import { canChange, live } from '../../live/gateway.ts'
import { filterRequests, noFilter } from '../../live/request-list.ts'
import { isNews } from '../../state/event-text.ts'
import { Ago } from '../../ui/age.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { lazyView } from '../../ui/lazy-view.tsx'
import { BreakerMark, EndpointMark } from '../../ui/status-mark.tsx'
import { EventList } from '../events/event-list.tsx'

export interface EndpointDrawerProps {
  readonly endpoint: EndpointRow
  readonly inMemory: readonly string[]
  readonly onClose: () => void
  readonly onEdit: () => void
}

const EndpointActions = lazyView(() =>
  import('../endpoints/endpoint-actions.tsx').then((each) => each.EndpointActions),
)

/** Number of its last events shown. */
const shownEvents = 20

/** Details of an endpoint. */
export function EndpointDrawer({ endpoint, inMemory, onClose, onEdit }: EndpointDrawerProps) {
  const { name, breaker } = endpoint
  const events = live.value.events
    .filter((event) => isNews(event) && (event.data.endpoint === name || event.data.from === name))
    .slice(-shownEvents)
    .reverse()
  return (
    <Drawer title={name} onClose={onClose}>
      <div class="drawer-marks">
        <EndpointMark status={endpoint.status} />
        <span>
          Circuit <BreakerMark state={breaker.state} />
        </span>
        {endpoint.issues !== undefined && <span class="bad">{endpoint.issues}</span>}
      </div>
      {canChange && <EndpointActions endpoint={endpoint} onEdit={onEdit} onRemoved={onClose} />}
      <Facts
        facts={[
          ['Address', <span class="mono">{endpoint.url}</span>],
          ['Kind', endpoint.profile ?? endpoint.type],
          [
            'State',
            <>
              {endpoint.status_reason}, <Ago at={endpoint.status_since} />
            </>,
          ],
          ['Last probe error', endpoint.last_error],
          ['Circuit', breaker.reason],
          [
            'Trial at',
            breaker.retry_at === undefined ? undefined : new Date(breaker.retry_at).toLocaleTimeString(),
          ],
          ['Tags', endpoint.tags?.join(', ')],
          ['Priority, weight', `${endpoint.priority}, ${endpoint.weight}`],
          [
            'In flight',
            `${endpoint.in_flight} of ${endpoint.max_concurrent === 0 ? 'any number' : endpoint.max_concurrent}`,
          ],
          [
            'Requests',
            `${formatCount(endpoint.request_count)}, ${formatCount(endpoint.failures)} failed, ${formatCount(endpoint.client_closed)} closed by clients`,
          ],
          ['Attempts', `${formatCount(endpoint.attempts)}, ${formatCount(endpoint.failed_attempts)} failed`],
          [
            'Time',
            `mean ${formatMs(endpoint.avg_latency_ms)}, ${formatMs(endpoint.min_latency_ms)} to ${formatMs(endpoint.max_latency_ms)}`,
          ],
          [
            'Models',
            `${endpoint.model_count}, list read ${formatOllaTime(endpoint.last_model_sync ?? 'never')}`,
          ],
          ['In memory', inMemory.join(', ')],
        ]}
      />
      <p>
        <button
          type="button"
          class="button"
          onClick={() => {
            filterRequests({ ...noFilter, endpoint: name })
            goTo('requests')
          }}
        >
          Its last requests
        </button>
      </p>
      <h3>Events</h3>
      {events.length === 0 ? (
        <p class="muted">None since this page connected.</p>
      ) : (
        <EventList events={events} />
      )}
    </Drawer>
  )
}
