import { useSignal } from '@preact/signals'
import { formatClock } from '../../format/format.ts'
import { live } from '../../live/gateway.ts'
import { chartDefinitions } from '../../state/charts.ts'
import { Chart } from '../../ui/chart.tsx'
import { ChartTable } from '../../ui/chart-table.tsx'
import { Choice, Switch } from '../../ui/fields.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'

const windows = [
  ['2', 'Last 2 minutes'],
  ['5', 'Last 5 minutes'],
  ['15', 'Last 15 minutes'],
] as const

const minute = { ms: 60_000, title: 'Minute', format: (atMs: number) => formatClock(atMs).slice(0, 5) }

/** Live traffic through the gateway. */
export function TrafficView() {
  const minutes = useSignal('5')
  const asTables = useSignal(false)
  const windowMs = Number(minutes.value) * 60_000
  const { samples } = live.value
  const last = samples.at(-1)
  const shown = last === undefined ? [] : samples.filter(({ at_ms }) => at_ms > last.at_ms - windowMs)
  return (
    <>
      <Toolbar title="Traffic" note="Percentiles are of the 30 s before each point">
        <Choice
          label="Time shown"
          value={minutes.value}
          options={windows}
          onChoose={(chosen) => {
            minutes.value = chosen
          }}
        />
        <Switch
          label="As tables"
          isOn={asTables.value}
          onSwitch={(isOn) => {
            asTables.value = isOn
          }}
        />
      </Toolbar>
      {shown.length === 0 && <Empty title="No samples yet">The gateway sends one every two seconds.</Empty>}
      {shown.length > 0 && (
        <div class="charts">
          {chartDefinitions.map((definition) =>
            asTables.value ? (
              <ChartTable key={definition.id} definition={definition} samples={shown} step={minute} />
            ) : (
              <Chart key={definition.id} definition={definition} samples={shown} windowMs={windowMs} />
            ),
          )}
        </div>
      )}
    </>
  )
}
