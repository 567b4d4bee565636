/** The page's state of the gateway, as signals that the event stream keeps current. */
import { batch, computed, signal } from '@preact/signals'
import { createEventFeed, type FeedState } from '../api/event-feed.ts'
import {
  openEvents,
  readCluster,
  readConfig,
  readEndpoints,
  readInFlight,
  readModelStats,
  readModels,
  readSamples,
  readStatus,
} from '../api/gateway-api.ts'
import { shownReplica } from '../api/http.ts'
import type { FeedMessage, GatewayEvent, Sample } from '../api/types.ts'
import { withEndpointEvent, withSampleLoad } from '../state/endpoint-rows.ts'
import { isNews } from '../state/event-text.ts'
import { initialLiveState, withMessage, withSamples } from '../state/live-state.ts'
import { type CounterReading, sampleBetween } from '../state/status-samples.ts'
import { announce } from './announcement.ts'
import { requestList } from './request-list.ts'
import { createResource } from './resource.ts'

const isHidden = () => document.hidden

export const live = signal(initialLiveState)
export const feedState = signal<FeedState>('connecting')

/** Without the stream the page polls the status routes, and says so. */
export const isPolling = computed(() => feedState.value === 'lost')
export const features = computed(() => live.value.hello?.features)
/** Another replica's data can only be read. */
export const canChange = shownReplica === null

export const status = createResource({ load: readStatus, everyMs: 5_000, isHidden })
export const endpoints = createResource({ load: readEndpoints, everyMs: 5_000, isHidden })
export const models = createResource({ load: readModels, everyMs: 10_000, isHidden })
export const modelStats = createResource({ load: readModelStats, everyMs: 10_000, gapMs: 2_000, isHidden })
export const inFlight = createResource({ load: readInFlight, everyMs: 2_000, isHidden })
export const config = createResource({ load: readConfig, everyMs: 300_000, isHidden })
export const cluster = createResource({ load: readCluster, everyMs: 2_000, isHidden })

const feed = createEventFeed({
  connect: openEvents,
  receive,
  changeState(state) {
    feedState.value = state
    if (state === 'live') void readHistory()
  },
})

function receive(message: FeedMessage): void {
  batch(() => {
    live.value = withMessage(live.peek(), message, Date.now())
    if (message.kind === 'event') heardEvent(message.event)
    if (message.kind === 'sample') heardSample(message.sample)
  })
}

/** Applies an event to the displayed data at once, and reloads the affected resources. */
function heardEvent(event: GatewayEvent): void {
  // Events from before this connection are not news.
  const isNew = Date.parse(event.at) >= Date.parse(live.peek().hello?.now ?? '')
  if (event.type === 'endpoint.status' && isNew) announce(`${event.data.endpoint} is ${event.data.to}`)
  if (event.type.startsWith('endpoint.') || event.type === 'breaker.transition') {
    endpoints.change((view) => withEndpointEvent(view, event))
    endpoints.refresh()
    status.refresh()
  }
  if (event.type.startsWith('discovery.') && isNews(event)) {
    models.refresh()
  }
  if (event.type === 'config.changed') config.refresh()
}

/** Reloads numbers when a sample shows a change. */
function heardSample(sample: Sample): void {
  endpoints.change((view) => withSampleLoad(view, sample))
  if (sample.in_flight > 0 || (inFlight.state.peek().value?.total ?? 0) > 0) inFlight.refresh()
  if (sample.requests === 0) return
  requestList.refresh()
  endpoints.refresh()
  status.refresh()
  modelStats.refresh()
}

/** Reads the samples from before the page was opened, or while it was disconnected. */
async function readHistory(): Promise<void> {
  try {
    const { samples } = await readSamples()
    live.value = withSamples(live.peek(), samples)
  } catch {
    // The charts start with the next sample.
  }
}

let lastReading: CounterReading | undefined

/** While the stream is lost, the status routes give the samples. */
status.state.subscribe(({ value }) => {
  if (value === undefined) return
  const reading: CounterReading = {
    atMs: Date.parse(value.timestamp),
    startedAt: value.system.start_time,
    status: value,
    endpoints: endpoints.state.peek().value,
  }
  if (feedState.peek() === 'lost' && lastReading !== undefined) {
    const sample = sampleBetween(lastReading, reading)
    if (sample !== undefined) live.value = withSamples(live.peek(), [sample])
  }
  lastReading = reading
})

/** The stream is that of the gateway that serves the page: another replica's data is polled. */
function openFeed(): void {
  if (shownReplica === null) feed.open()
  else feedState.value = 'lost'
}

/** How long a hidden page stays connected; milliseconds. */
const hiddenMs = 60_000

/** Connects, and loads the data that every view shows; called once. */
export function start(): void {
  let leaving: ReturnType<typeof setTimeout> | undefined
  status.watch()
  endpoints.watch()
  openFeed()
  document.addEventListener('visibilitychange', () => {
    clearTimeout(leaving)
    if (document.hidden) {
      leaving = setTimeout(feed.close, hiddenMs)
      return
    }
    openFeed()
    for (const each of [status, endpoints, models, modelStats, inFlight, requestList]) each.refresh()
  })
  addEventListener('online', openFeed)
  // A page in the back/forward cache must not hold a connection.
  addEventListener('pagehide', feed.close)
  addEventListener('pageshow', openFeed)
}
