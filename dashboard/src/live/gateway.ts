/** All that the page knows of the gateway, as signals, kept fresh by its event stream. */
import { batch, computed, signal } from '@preact/signals'
import { createEventFeed, type FeedState } from '../api/event-feed.ts'
import {
  openEvents,
  readConfig,
  readEndpoints,
  readInFlight,
  readModelStats,
  readModels,
  readSamples,
  readStatus,
} from '../api/gateway-api.ts'
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

/** Without the stream, what it told comes from asking; the page says so. */
export const isPolling = computed(() => feedState.value === 'lost')
export const features = computed(() => live.value.hello?.features)

export const status = createResource({ load: readStatus, everyMs: 5_000, isHidden })
export const endpoints = createResource({ load: readEndpoints, everyMs: 5_000, isHidden })
export const models = createResource({ load: readModels, everyMs: 10_000, isHidden })
export const modelStats = createResource({ load: readModelStats, everyMs: 10_000, gapMs: 2_000, isHidden })
export const inFlight = createResource({ load: readInFlight, everyMs: 2_000, isHidden })
export const config = createResource({ load: readConfig, everyMs: 300_000, isHidden })

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

/** An event changes what is shown at once, and says what has to be read again. */
function heardEvent(event: GatewayEvent): void {
  // What was kept from before this connection is no news.
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

/** Numbers are read again when a sample says that something has moved. */
function heardSample(sample: Sample): void {
  endpoints.change((view) => withSampleLoad(view, sample))
  if (sample.in_flight > 0 || (inFlight.state.peek().value?.total ?? 0) > 0) inFlight.refresh()
  if (sample.requests === 0) return
  requestList.refresh()
  endpoints.refresh()
  status.refresh()
  modelStats.refresh()
}

/** What was sampled before this page was opened, or while it did not listen. */
async function readHistory(): Promise<void> {
  try {
    const { samples } = await readSamples()
    live.value = withSamples(live.peek(), samples)
  } catch {
    // The charts begin with the next sample.
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

/** How long a page that nobody sees stays connected; milliseconds. */
const hiddenMs = 60_000

/** Connects, and reads what every view shows; called once. */
export function start(): void {
  let leaving: ReturnType<typeof setTimeout> | undefined
  status.watch()
  endpoints.watch()
  feed.open()
  document.addEventListener('visibilitychange', () => {
    clearTimeout(leaving)
    if (document.hidden) {
      leaving = setTimeout(feed.close, hiddenMs)
      return
    }
    feed.open()
    for (const each of [status, endpoints, models, modelStats, inFlight, requestList]) each.refresh()
  })
  addEventListener('online', feed.open)
  // A page in the back/forward cache must not hold a connection.
  addEventListener('pagehide', feed.close)
  addEventListener('pageshow', feed.open)
}
