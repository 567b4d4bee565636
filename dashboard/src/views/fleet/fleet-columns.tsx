import type { EndpointRow } from '../../api/types.ts'
import { formatCount, formatMs, formatOllaTime, formatPercentage } from '../../format/format.ts'
import { live } from '../../live/gateway.ts'
import { troubleRank } from '../../state/fleet-rows.ts'
import { endpointLatency, sparkValues } from '../../state/sample-figures.ts'
import { formatAddress } from '../../state/view-address.ts'
import { Ago } from '../../ui/age.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { LoadBar } from '../../ui/load-bar.tsx'
import { NameList } from '../../ui/name-list.tsx'
import { Sparkline } from '../../ui/sparkline.tsx'
import { BreakerMark, EndpointMark } from '../../ui/status-mark.tsx'

/** Number of names that fit in a row. */
const shownModels = 2

export function fleetColumns(
  inMemory: ReadonlyMap<string, readonly string[]>,
): readonly Column<EndpointRow>[] {
  return [
    {
      id: 'name',
      title: 'Endpoint',
      onCard: 'heading',
      sortBy: ({ name }) => name,
      show: ({ id, name, type, profile, url }) => (
        <>
          <a class="name" href={formatAddress('fleet', id)}>
            {name}
          </a>{' '}
          <span class="tag">{profile ?? type}</span>
          <div class="muted small clip">{url}</div>
        </>
      ),
    },
    {
      id: 'state',
      title: 'State',
      onCard: 'heading',
      sortBy: troubleRank,
      show: ({ status, status_reason, status_since }) => (
        <>
          <EndpointMark status={status} />
          <div class="muted small clip" title={status_reason}>
            <Ago at={status_since} /> · {status_reason}
          </div>
        </>
      ),
    },
    {
      id: 'breaker',
      title: 'Circuit',
      sortBy: ({ breaker }) => breaker.state,
      show: ({ breaker }) => (
        <span title={breaker.reason}>
          <BreakerMark state={breaker.state} />
        </span>
      ),
    },
    {
      id: 'load',
      title: 'Load',
      sortBy: ({ in_flight }) => in_flight,
      isNumber: true,
      show: ({ in_flight, max_concurrent }) => <LoadBar inFlight={in_flight} limit={max_concurrent} />,
    },
    {
      id: 'latency',
      title: 'First byte',
      show: ({ id }) => <Latency id={id} />,
    },
    {
      id: 'average',
      title: 'Mean time',
      isNumber: true,
      sortBy: ({ avg_latency_ms }) => avg_latency_ms,
      show: ({ avg_latency_ms }) => formatMs(avg_latency_ms),
    },
    {
      id: 'requests',
      title: 'Requests',
      isNumber: true,
      sortBy: ({ request_count }) => request_count,
      show: ({ request_count, failures }) => (
        <>
          {formatCount(request_count)}
          {failures > 0 && <div class="small bad">{formatCount(failures)} failed</div>}
        </>
      ),
    },
    {
      id: 'success',
      title: 'Success',
      isNumber: true,
      sortBy: ({ success_rate }) => Number.parseFloat(success_rate) || undefined,
      show: ({ success_rate }) => formatPercentage(success_rate),
    },
    {
      id: 'memory',
      title: 'In memory',
      show: ({ name, model_count }) => (
        <NameList names={inMemory.get(name) ?? []} limit={shownModels} total={model_count} />
      ),
    },
    {
      id: 'checked',
      title: 'Checked',
      isNumber: true,
      onCard: 'hidden',
      sortBy: ({ health_check_at }) =>
        health_check_at === undefined ? undefined : -Date.parse(health_check_at),
      show: ({ health_check_at, response_time }) => (
        <>
          <Ago at={health_check_at} />
          {response_time !== undefined && <div class="muted small">in {formatOllaTime(response_time)}</div>}
        </>
      ),
    },
  ]
}

/** The last minutes' times to the first byte, and the last of them. */
function Latency({ id }: { id: string }) {
  const { samples } = live.value
  const read = endpointLatency(id)
  const last = samples.findLast((sample) => read(sample) !== null)
  return (
    <span class="latency">
      <Sparkline values={sparkValues(samples, read)} />
      <span class="number">{formatMs(last && (read(last) ?? undefined))}</span>
    </span>
  )
}
