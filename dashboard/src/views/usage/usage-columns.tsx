import type { UsageGroup } from '../../api/caller-api.ts'
import type { UsageRow } from '../../api/types.ts'
import { absent, formatCount, formatMs, formatShare } from '../../format/format.ts'
import { chooseUsage, type UsageFilter, usageFilters, usageGroups } from '../../live/usage.ts'
import { formatMoney } from '../../state/caller-texts.ts'
import type { Column } from '../../ui/data-table.tsx'

export const groupTitle = (group: UsageGroup) => usageGroups.find(([id]) => id === group)?.[1] ?? group

export function usageColumns(group: UsageGroup): readonly Column<UsageRow>[] {
  return [
    {
      id: 'group',
      title: groupTitle(group),
      onCard: 'heading',
      sortBy: (row) => row[group],
      show: (row) => <GroupName row={row} group={group} />,
    },
    count('requests', 'Requests', ({ requests }) => requests),
    {
      id: 'ok',
      title: 'Answered',
      isNumber: true,
      sortBy: ({ ok, requests }) => (requests === 0 ? undefined : ok / requests),
      show: ({ ok, requests }) => formatShare(requests === 0 ? undefined : ok / requests),
    },
    {
      id: 'refused',
      title: 'Refused',
      isNumber: true,
      sortBy: ({ refused }) => refused,
      show: ({ refused }) => <span class={refused > 0 ? 'warn' : undefined}>{formatCount(refused)}</span>,
    },
    count('failed', 'Failed', ({ client_errors, upstream_errors }) => client_errors + upstream_errors),
    count('cancelled', 'Cancelled', ({ cancelled }) => cancelled),
    count('prompt', 'Tokens read', ({ prompt_tokens }) => prompt_tokens),
    count('cached', 'From cache', ({ cached_tokens }) => cached_tokens),
    count('completion', 'Tokens generated', ({ completion_tokens }) => completion_tokens),
    count('reasoning', 'Reasoning', ({ reasoning_tokens }) => reasoning_tokens),
    {
      id: 'cost',
      title: 'Cost',
      isNumber: true,
      sortBy: ({ cost }) => cost,
      show: costText,
    },
    {
      id: 'mean',
      title: 'Mean time',
      isNumber: true,
      sortBy: ({ requests, duration_ms }) => (requests === 0 ? undefined : duration_ms / requests),
      show: ({ requests, duration_ms }) => formatMs(requests === 0 ? undefined : duration_ms / requests),
    },
  ]
}

/** Requests of models without a price have an unknown cost, not none. */
function costText({ cost, unpriced, requests }: UsageRow) {
  if (unpriced === 0) return formatMoney(cost)
  if (cost === 0 && unpriced === requests) return <span class="muted">no price</span>
  return (
    <>
      {formatMoney(cost)} <span class="muted small">{formatCount(unpriced)} without a price</span>
    </>
  )
}

/** Shows only this group when it is chosen. */
function GroupName({ row, group }: { row: UsageRow; group: UsageGroup }) {
  const name = row[group] ?? ''
  if (name === '') return <span class="muted">{absent}</span>
  const filter: UsageFilter = { group, name, value: (group === 'key' ? row.key_id : undefined) ?? name }
  return (
    <button
      type="button"
      class="link name break"
      onClick={() => {
        const others = usageFilters.peek().filter((each) => each.group !== group)
        chooseUsage({ filters: [...others, filter] })
      }}
    >
      {name}
    </button>
  )
}

function count(id: string, title: string, read: (row: UsageRow) => number): Column<UsageRow> {
  return { id, title, isNumber: true, sortBy: read, show: (row) => formatCount(read(row)) }
}
