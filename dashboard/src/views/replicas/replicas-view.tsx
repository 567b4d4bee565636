import { shownReplica } from '../../api/http.ts'
import type { ClusterView, MemberRow } from '../../api/types.ts'
import { formatCount, formatMs, formatPlural, formatSpan } from '../../format/format.ts'
import { cluster } from '../../live/gateway.ts'
import { isLate, totalsOf } from '../../state/replica-rows.ts'
import { Ago } from '../../ui/age.tsx'
import { Needs } from '../../ui/callers/needs.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Notice } from '../../ui/notice.tsx'
import { ToneMark } from '../../ui/status-mark.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'

export const ReplicasView = () => (
  <Needs feature="replicas" title="Replicas">
    <Replicas />
  </Needs>
)

/** All replicas together: their load and lag, who probes which endpoint, and what is not exact. */
function Replicas() {
  const loaded = useResource(cluster)
  const view = loaded.value
  return (
    <>
      <Toolbar title="Replicas" note={view && summary(view)} />
      <LoadedView loaded={loaded}>
        {(known) => (
          <>
            <State view={known} />
            <DataTable
              caption="Replicas"
              columns={memberColumns(known)}
              rows={known.members}
              rowKey={({ id }) => id}
            />
            <section class="below">
              <div class="toolbar">
                <h2>Endpoints of all replicas</h2>
              </div>
              <DataTable
                caption="Endpoints of all replicas"
                columns={endpointColumns}
                rows={known.endpoints}
                rowKey={({ name }) => name}
                initialOrder={{ column: 'load', direction: 'descending' }}
              />
            </section>
            <Leases view={known} />
          </>
        )}
      </LoadedView>
    </>
  )
}

function summary({ members }: ClusterView): string {
  const { inFlight, requests } = totalsOf(members)
  return `${formatPlural(members.length, 'replica')}, ${formatCount(inFlight)} requests in flight, ${formatCount(requests)} answered since their starts`
}

/** Whether the replica that answers shares its state. */
function State({ view: { replica, state, since, reason, inexact } }: { view: ClusterView }) {
  if (state === 'joined') {
    return (
      <p class="muted">
        <ToneMark tone="good" text="all limits and places are exact" /> · {replica} joined <Ago at={since} />
      </p>
    )
  }
  return (
    <Notice
      tone="warn"
      title={`${replica} is ${state === 'joining' ? 'not a member yet' : 'alone'}: ${reason ?? state}`}
    >
      Since <Ago at={since} />
      {inexact.length > 0 && (
        <ul>
          {inexact.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </Notice>
  )
}

function memberColumns({ replica }: ClusterView): readonly Column<MemberRow>[] {
  return [
    {
      id: 'name',
      title: 'Replica',
      onCard: 'heading',
      sortBy: ({ id }) => id,
      show: ({ id, host }) => (
        <>
          <span class="name">{id}</span>{' '}
          {id === (shownReplica ?? replica) ? (
            <span class="tag">shown</span>
          ) : (
            <a href={`?replica=${encodeURIComponent(id)}`} aria-label={`Show replica ${id}`}>
              Show
            </a>
          )}
          <div class="muted small clip">{host}</div>
        </>
      ),
    },
    {
      id: 'version',
      title: 'Version',
      sortBy: ({ version }) => version,
      show: ({ version, uptime_ms }) => (
        <>
          {version}
          <div class="muted small">up {formatSpan(uptime_ms)}</div>
        </>
      ),
    },
    {
      id: 'load',
      title: 'In flight',
      isNumber: true,
      sortBy: ({ in_flight }) => in_flight,
      show: ({ in_flight }) => formatCount(in_flight),
    },
    {
      id: 'requests',
      title: 'Requests',
      isNumber: true,
      sortBy: ({ requests }) => requests ?? undefined,
      show: ({ requests }) => (requests === null ? '–' : formatCount(requests)),
    },
    {
      id: 'trip',
      title: 'Round trip',
      isNumber: true,
      sortBy: ({ round_trip_ms }) => round_trip_ms ?? undefined,
      show: ({ round_trip_ms }) => formatMs(round_trip_ms ?? undefined),
    },
    {
      id: 'lag',
      title: 'Last heartbeat',
      isNumber: true,
      sortBy: ({ lag_ms }) => lag_ms,
      show: (member) => (
        <span class={isLate(member) ? 'warn' : undefined}>{`${formatMs(member.lag_ms)} ago`}</span>
      ),
    },
    {
      id: 'probes',
      title: 'Probes',
      isNumber: true,
      sortBy: ({ probes }) => probes,
      show: ({ probes }) => formatPlural(probes, 'endpoint'),
    },
  ]
}

const endpointColumns: readonly Column<ClusterView['endpoints'][number]>[] = [
  { id: 'name', title: 'Endpoint', onCard: 'heading', sortBy: ({ name }) => name, show: ({ name }) => name },
  {
    id: 'load',
    title: 'In flight',
    isNumber: true,
    sortBy: ({ in_flight }) => in_flight,
    show: ({ in_flight }) => formatCount(in_flight),
  },
  {
    id: 'probed',
    title: 'Probed by',
    sortBy: ({ probed_by }) => probed_by ?? '',
    show: ({ probed_by }) => probed_by ?? 'each replica',
  },
]

const leaseColumns: readonly Column<ClusterView['leases'][number]>[] = [
  {
    id: 'name',
    title: 'Endpoint',
    onCard: 'heading',
    sortBy: ({ endpoint }) => endpoint,
    show: ({ endpoint }) => endpoint,
  },
  ...(['max_concurrent', 'held', 'in_use', 'allowed'] as const).map((id) => ({
    id,
    title: { max_concurrent: 'Places', held: 'Held', in_use: 'In use', allowed: 'May use' }[id],
    isNumber: true,
    sortBy: (row: ClusterView['leases'][number]) => row[id],
    show: (row: ClusterView['leases'][number]) => formatCount(row[id]),
  })),
]

function Leases({ view: { leases, replica } }: { view: ClusterView }) {
  if (leases.length === 0) return null
  return (
    <section class="below">
      <div class="toolbar">
        <h2>Places that {replica} holds</h2>
      </div>
      <DataTable
        caption={`Places that ${replica} holds`}
        columns={leaseColumns}
        rows={leases}
        rowKey={({ endpoint }) => endpoint}
      />
    </section>
  )
}
