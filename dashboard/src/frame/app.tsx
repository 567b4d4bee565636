import type { FunctionComponent } from 'preact'
import { useEffect } from 'preact/hooks'
import { shownReplica } from '../api/http.ts'
import type { EndpointsView } from '../api/types.ts'
import { absent } from '../format/format.ts'
import { address, goTo } from '../live/address.ts'
import { endpoints, features, inFlight, live } from '../live/gateway.ts'
import type { ViewId } from '../state/view-address.ts'
import { Announcer } from '../ui/announcer.tsx'
import { lazyView } from '../ui/lazy-view.tsx'
import { type Tab, Tabs } from '../ui/tabs.tsx'
import { EventsView } from '../views/events/events-view.tsx'
import { FleetView } from '../views/fleet/fleet-view.tsx'
import { InFlightView } from '../views/in-flight/in-flight-view.tsx'
import { ModelsView } from '../views/models/models-view.tsx'
import { RequestsView } from '../views/requests/requests-view.tsx'
import { TrafficView } from '../views/traffic/traffic-view.tsx'
import { CallersNotice } from './callers-notice.tsx'
import { ConnectionNotice } from './connection-notice.tsx'
import { ReplicaNotice } from './replica-notice.tsx'
import { StatusStrip } from './status-strip.tsx'
import { TopBar } from './top-bar.tsx'

/** Views that few open are loaded when they are. */
const views: Readonly<Record<ViewId, FunctionComponent>> = {
  fleet: FleetView,
  models: ModelsView,
  traffic: TrafficView,
  'in-flight': InFlightView,
  queue: lazyView(() => import('../views/queue/queue-view.tsx').then((each) => each.QueueView)),
  requests: RequestsView,
  events: EventsView,
  keys: lazyView(() => import('../views/keys/keys-view.tsx').then((each) => each.KeysView)),
  teams: lazyView(() => import('../views/groups/groups-view.tsx').then((each) => each.TeamsView)),
  owners: lazyView(() => import('../views/groups/groups-view.tsx').then((each) => each.OwnersView)),
  limits: lazyView(() => import('../views/limits/limits-view.tsx').then((each) => each.LimitsView)),
  usage: lazyView(() => import('../views/usage/usage-view.tsx').then((each) => each.UsageView)),
  replicas: lazyView(() => import('../views/replicas/replicas-view.tsx').then((each) => each.ReplicasView)),
  discovery: lazyView(() =>
    import('../views/discovery/discovery-view.tsx').then((each) => each.DiscoveryView),
  ),
  configuration: lazyView(() =>
    import('../views/configuration/configuration-view.tsx').then((each) => each.ConfigurationView),
  ),
  playground: lazyView(() =>
    import('../views/playground/playground-view.tsx').then((each) => each.PlaygroundView),
  ),
}

export function App() {
  const { view } = address.value
  const View = views[view]
  const all = tabs()
  const title = pageTitle(all.find(({ id }) => id === view)?.title ?? '', endpoints.state.value.value)
  useEffect(() => {
    document.title = title
  }, [title])
  return (
    <div class="page">
      <TopBar />
      <StatusStrip />
      <ReplicaNotice />
      <ConnectionNotice />
      <CallersNotice />
      <Tabs label="Views" tabs={all} selected={view} onSelect={goTo}>
        <View />
      </Tabs>
      <Announcer />
    </div>
  )
}

/** Visible while the page is not: endpoints that are down come first. */
function pageTitle(view: string, fleet: EndpointsView | undefined): string {
  const down = (fleet?.total_count ?? 0) - (fleet?.routable_count ?? 0)
  return `${down > 0 ? `(${down} down) ` : ''}${view} · olla-gateway`
}

function tabs(): Tab<ViewId>[] {
  const fleet = endpoints.state.value.value
  const inFlightCount = live.value.samples.at(-1)?.in_flight ?? inFlight.state.value.value?.total
  const isDown = fleet !== undefined && fleet.routable_count < fleet.total_count
  const all: (Tab<ViewId> | false)[] = [
    {
      id: 'fleet',
      title: 'Fleet',
      count: fleet === undefined ? absent : `${fleet.routable_count}/${fleet.total_count}`,
      isBad: isDown,
    },
    { id: 'models', title: 'Models' },
    { id: 'traffic', title: 'Traffic' },
    { id: 'in-flight', title: 'In flight', count: String(inFlightCount ?? 0) },
    { id: 'queue', title: 'Queue' },
    { id: 'requests', title: 'Requests' },
    { id: 'events', title: 'Events' },
    features.value?.keys === true && { id: 'keys', title: 'Keys' },
    features.value?.keys === true && { id: 'teams', title: 'Teams' },
    features.value?.keys === true && { id: 'owners', title: 'Owners' },
    features.value?.keys === true && { id: 'limits', title: 'Limits' },
    features.value?.usage === true && { id: 'usage', title: 'Usage' },
    (features.value?.replicas === true || shownReplica !== null) && { id: 'replicas', title: 'Replicas' },
    features.value?.discovery === true && { id: 'discovery', title: 'Discovery' },
    { id: 'configuration', title: 'Configuration' },
    features.value?.playground !== false &&
      shownReplica === null && { id: 'playground', title: 'Playground' },
  ]
  return all.filter((tab) => tab !== false)
}
