import { limitsUrl } from '../../api/caller-api.ts'
import type { LimitState, SubjectLimits } from '../../api/types.ts'
import { absent, formatCount } from '../../format/format.ts'
import {
  limitFilter,
  limitKind,
  limitList,
  limitSearch,
  limitStarts,
  limitsShown,
  showLimitPage,
} from '../../live/limits.ts'
import { limitUseText, nearestLimit } from '../../state/limit-use.ts'
import { formatAddress, type ViewId } from '../../state/view-address.ts'
import { LimitBar } from '../../ui/callers/limit-bar.tsx'
import { Needs } from '../../ui/callers/needs.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Choice, SearchField } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Pages } from '../../ui/pages.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'

export const LimitsView = () => (
  <Needs feature="keys" title="Limits">
    <LimitUse />
  </Needs>
)

const rowKey = ({ kind, id }: SubjectLimits) => `${kind} ${id}`

/** Keys, owners and teams with limits, the nearest to one first; and those that limits have refused. */
function LimitUse() {
  const loaded = useResource(limitList)
  return (
    <>
      <Toolbar title="Limits" note={loaded.value && `${formatCount(loaded.value.total)} with limits`}>
        <SearchField label="Find by name" value={limitSearch} />
        <Choice
          label="Kind"
          value={limitKind.value}
          options={[
            ['', 'Keys, owners, teams'],
            ['key', 'Keys'],
            ['owner', 'Owners'],
            ['team', 'Teams'],
          ]}
          onChoose={(kind) => (limitKind.value = kind)}
        />
        <Choice
          label="Show"
          value={limitFilter.value}
          options={[
            ['', 'All'],
            ['near', 'Near a limit (80%)'],
            ['refused', 'Refused in 24 hours'],
          ]}
          onChoose={(filter) => (limitFilter.value = filter)}
        />
        <a class="button" href={limitsUrl({ ...limitsShown(), format: 'csv' }).href} download="limits.csv">
          CSV
        </a>
      </Toolbar>
      <LoadedView loaded={loaded}>
        {({ subjects, next }) => (
          <>
            {subjects.length === 0 ? (
              <Empty title={emptyText()} />
            ) : (
              <DataTable caption="Use of limits" columns={columns} rows={subjects} rowKey={rowKey} />
            )}
            <Pages of="limits" starts={limitStarts.value} next={next} onShow={showLimitPage} />
          </>
        )}
      </LoadedView>
    </>
  )
}

function emptyText(): string {
  if (limitFilter.value === 'near') return 'Nothing is near a limit'
  if (limitFilter.value === 'refused') return 'No limit has refused a request in 24 hours'
  return limitSearch.value === '' && limitKind.value === '' ? 'There are no limits yet' : 'Nothing matches'
}

const viewOf: Readonly<Record<SubjectLimits['kind'], ViewId>> = {
  key: 'keys',
  team: 'teams',
  owner: 'owners',
}

const columns: readonly Column<SubjectLimits>[] = [
  {
    id: 'name',
    title: 'Name',
    onCard: 'heading',
    sortBy: ({ name }) => name,
    show: ({ kind, id, name }) => (
      <a class="name break" href={formatAddress(viewOf[kind], id)}>
        {name}
      </a>
    ),
  },
  { id: 'kind', title: 'Kind', sortBy: ({ kind }) => kind, show: ({ kind }) => kind },
  {
    id: 'owner',
    title: 'Owner',
    sortBy: ({ owner }) => owner ?? undefined,
    show: ({ owner }) => owner ?? absent,
  },
  { id: 'team', title: 'Team', sortBy: ({ team }) => team ?? undefined, show: ({ team }) => team ?? absent },
  {
    id: 'nearest',
    title: 'Nearest limit',
    isNumber: true,
    sortBy: ({ share }) => share,
    show: (subject) => <LimitBar use={nearestLimit(subject)} />,
  },
  {
    id: 'used',
    title: 'Used',
    show: ({ limits }) => (
      <ul class="plain small">
        {limits.map((limit) => (
          <li key={`${limit.field} ${limit.counted} ${limit.window}`}>{limitUseText(limit)}</li>
        ))}
      </ul>
    ),
  },
  {
    id: 'resets',
    title: 'Resets',
    sortBy: (subject) => nearestLimit(subject)?.resets_at ?? undefined,
    show: (subject) => resetText(nearestLimit(subject)),
  },
  {
    id: 'refused-hour',
    title: 'Refused, 1 h',
    isNumber: true,
    sortBy: ({ refused_hour }) => refused_hour,
    show: ({ refused_hour: refused }) => <Refused count={refused} />,
  },
  {
    id: 'refused-day',
    title: 'Refused, 24 h',
    isNumber: true,
    sortBy: ({ refused_day }) => refused_day,
    show: ({ refused_day: refused }) => <Refused count={refused} />,
  },
]

const Refused = ({ count }: { count: number }) => (
  <span class={count > 0 ? 'warn' : undefined}>{formatCount(count)}</span>
)

function resetText(limit: LimitState | undefined): string {
  return limit?.resets_at == null ? absent : new Date(limit.resets_at).toLocaleString()
}
