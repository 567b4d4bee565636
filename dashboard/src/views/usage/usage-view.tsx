import { useSignal } from '@preact/signals'
import { usageUrl } from '../../api/caller-api.ts'
import type { UsagePage } from '../../api/types.ts'
import { formatClock, formatCount, formatDate } from '../../format/format.ts'
import {
  chooseUsage,
  exportQuery,
  type UsageShown,
  usage,
  usageDays,
  usageFilters,
  usageGroup,
  usageGroups,
  usageMeasure,
  usageWindows,
} from '../../live/usage.ts'
import { formatMoney, ledgerText } from '../../state/caller-texts.ts'
import { usageMeasures } from '../../state/group-points.ts'
import { usageCharts, usagePoints } from '../../state/usage-points.ts'
import { Ago } from '../../ui/age.tsx'
import { Needs } from '../../ui/callers/needs.tsx'
import { Chart } from '../../ui/chart.tsx'
import { ChartTable } from '../../ui/chart-table.tsx'
import { DataTable } from '../../ui/data-table.tsx'
import { Choice, Switch } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty, Notice } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { GroupChart } from './group-chart.tsx'
import { groupTitle, usageColumns } from './usage-columns.tsx'

export const UsageView = () => (
  <Needs feature="usage" title="Usage">
    <Usage />
  </Needs>
)

/** What callers have used, over time and by group. */
function Usage() {
  const loaded = useResource(usage)
  const asTables = useSignal(false)
  return (
    <>
      <Toolbar title="Usage" note={loaded.value && noteOn(loaded.value.overTime)}>
        <Choice
          label="Group by"
          value={usageGroup.value}
          options={usageGroups.map(([id, title]) => [id, `By ${title.toLowerCase()}`])}
          onChoose={(chosen) => chooseUsage({ group: usageGroups.find(([id]) => id === chosen)?.[0] })}
        />
        <Choice
          label="Chart of groups"
          value={usageMeasure.value}
          options={usageMeasures}
          onChoose={(chosen) => chooseUsage({ measure: usageMeasures.find(([id]) => id === chosen)?.[0] })}
        />
        <Choice
          label="Time shown"
          value={usageDays.value}
          options={usageWindows}
          onChoose={(days) => chooseUsage({ days })}
        />
        <Switch label="As tables" isOn={asTables.value} onSwitch={(isOn) => (asTables.value = isOn)} />
        {loaded.value && <Exports shown={loaded.value} />}
      </Toolbar>
      <Filters />
      <LoadedView loaded={loaded}>
        {(shown) => (
          <>
            <LedgerNotice ledger={shown.overTime.ledger} />
            {shown.overTime.total.requests === 0 ? (
              <Empty title="Nothing was used in this time" />
            ) : (
              <>
                <Charts shown={shown} asTables={asTables.value} />
                <section class="below" aria-labelledby="usage-groups">
                  <h3 id="usage-groups">By {groupTitle(shown.group).toLowerCase()}</h3>
                  <DataTable
                    key={shown.group}
                    caption={`Use by ${shown.group}`}
                    columns={usageColumns(shown.group)}
                    rows={shown.byGroup.usage}
                    rowKey={(row) => (shown.group === 'key' ? row.key_id : row[shown.group]) ?? ''}
                    initialOrder={{ column: 'requests', direction: 'descending' }}
                  />
                  {shown.byGroup.next !== null && (
                    <p class="muted">
                      The table has the first {shown.byGroup.usage.length}; the export has all.
                    </p>
                  )}
                </section>
              </>
            )}
          </>
        )}
      </LoadedView>
    </>
  )
}

function Charts({ shown, asTables }: { shown: UsageShown; asTables: boolean }) {
  const points = usagePoints(shown.overTime.usage, shown)
  const isDaily = shown.stepMs > 3_600_000
  const step = {
    ms: shown.stepMs,
    title: isDaily ? 'Day' : 'Hour',
    format: (atMs: number) =>
      isDaily ? formatDate(atMs) : `${formatDate(atMs)} ${formatClock(atMs).slice(0, 5)}`,
  }
  return (
    <div class="charts">
      <GroupChart shown={shown} asTable={asTables} step={step} />
      {usageCharts.map((definition) =>
        asTables ? (
          <ChartTable key={definition.id} definition={definition} samples={points} step={step} />
        ) : (
          <Chart key={definition.id} definition={definition} samples={points} windowMs={shown.windowMs} />
        ),
      )}
    </div>
  )
}

function Exports({ shown }: { shown: UsageShown }) {
  const query = exportQuery(shown)
  return (
    <>
      <a class="button" href={usageUrl({ ...query, format: 'csv' }).href} download="usage.csv">
        CSV
      </a>
      <a class="button" href={usageUrl({ ...query, limit: 10_000 }).href} download="usage.json">
        JSON
      </a>
    </>
  )
}

/** What the view is limited to, each with a button that lifts it. */
function Filters() {
  const filters = usageFilters.value
  if (filters.length === 0) return null
  return (
    <p class="buttons filters">
      {filters.map((filter) => (
        <button
          key={filter.group}
          type="button"
          class="button"
          onClick={() => chooseUsage({ filters: filters.filter((each) => each !== filter) })}
        >
          {groupTitle(filter.group)}: {filter.name} <span aria-hidden="true">✕</span>
          <span class="unseen">, remove</span>
        </button>
      ))}
    </p>
  )
}

function LedgerNotice({ ledger }: { ledger: UsagePage['ledger'] }) {
  if (ledger.writable && ledger.lost_requests === 0) return null
  const { error, failing_since: since, last_write_at: written } = ledger
  return (
    <Notice tone="warn" title="Some use is missing here.">
      {!ledger.writable && (
        <>
          {' '}
          It is not written, because {ledgerText(error)}
          {since !== null && (
            <>
              , since <Ago at={since} />
            </>
          )}
          . {formatCount(ledger.pending_rows)} rows wait in memory
          {written !== null && (
            <>
              ; the last write was <Ago at={written} />
            </>
          )}
          .
        </>
      )}
      {ledger.lost_requests > 0 && ` ${formatCount(ledger.lost_requests)} requests were not counted.`}
    </Notice>
  )
}

function noteOn({ total }: UsagePage): string {
  return [
    `${formatCount(total.requests)} requests`,
    `${formatCount(total.prompt_tokens + total.completion_tokens)} tokens`,
    `cost ${formatMoney(total.cost)}`,
    `${formatCount(total.refused)} refused`,
  ].join(' · ')
}
