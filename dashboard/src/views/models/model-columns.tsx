import { absent, formatCount, formatMs, formatOllaTime, formatPercentage } from '../../format/format.ts'
import type { ModelRow } from '../../state/model-rows.ts'
import { formatAddress } from '../../state/view-address.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Places } from './places.tsx'

export const modelColumns: readonly Column<ModelRow>[] = [
  {
    id: 'name',
    title: 'Model',
    onCard: 'heading',
    sortBy: ({ name }) => name,
    show: ({ name, item }) => (
      <>
        <a class="name break" href={formatAddress('models', name)}>
          {name}
        </a>
        <div class="muted small">
          {[item.type, item.params, item.quant, item.size, contextText(item.context_length)]
            .filter(Boolean)
            .join(' · ')}
        </div>
      </>
    ),
  },
  { id: 'family', title: 'Family', sortBy: ({ family }) => family, show: ({ family }) => family },
  {
    id: 'places',
    title: 'Where',
    sortBy: ({ places }) => places.length,
    show: ({ places }) => <Places places={places} />,
  },
  {
    id: 'requests',
    title: 'Requests',
    isNumber: true,
    sortBy: ({ stats }) => stats?.total_requests ?? 0,
    show: ({ stats }) => formatCount(stats?.total_requests ?? 0),
  },
  {
    id: 'success',
    title: 'Success',
    isNumber: true,
    sortBy: ({ stats }) => Number.parseFloat(stats?.success_rate ?? '') || undefined,
    show: ({ stats }) => formatPercentage(stats?.success_rate),
  },
  {
    id: 'first-byte',
    title: 'First byte',
    isNumber: true,
    show: ({ stats }) => known(stats?.average_first_byte),
  },
  { id: 'mean', title: 'Mean time', isNumber: true, show: ({ stats }) => known(stats?.average_latency) },
  { id: 'p95', title: 'p95', isNumber: true, show: ({ stats }) => formatMs(stats?.p95_latency_ms) },
  {
    id: 'tokens',
    title: 'Tokens out',
    isNumber: true,
    sortBy: ({ stats }) => stats?.completion_tokens ?? 0,
    show: ({ stats }) => formatCount(stats?.completion_tokens ?? 0),
  },
  {
    id: 'used',
    title: 'Last used',
    isNumber: true,
    onCard: 'hidden',
    show: ({ stats }) => <span class="nowrap">{formatOllaTime(stats?.last_requested ?? 'never')}</span>,
  },
]

const known = (text: string | undefined) =>
  text === undefined || text === '0ms' ? absent : formatOllaTime(text)

function contextText(length: number | undefined): string | undefined {
  return length === undefined ? undefined : `${formatCount(length)} context`
}
