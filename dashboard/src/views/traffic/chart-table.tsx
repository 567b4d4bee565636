import type { Sample } from '../../api/types.ts'
import { formatClock } from '../../format/format.ts'
import { type ChartDefinition, chartTable } from '../../state/charts.ts'

/** The data of a chart as a table. */
export function ChartTable({
  definition,
  samples,
}: {
  definition: ChartDefinition
  samples: readonly Sample[]
}) {
  return (
    <section class="panel">
      <h3 class="panel-title">{definition.title}</h3>
      <div class="table-frame">
        <table class="table">
          <caption class="unseen">{definition.title}, means by the minute</caption>
          <thead>
            <tr>
              <th scope="col">Minute</th>
              {definition.series.map(({ label }) => (
                <th key={label} scope="col" class="number">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {chartTable(samples, definition).map(({ minuteMs, values }) => (
              <tr key={minuteMs}>
                <th scope="row">{formatClock(minuteMs).slice(0, 5)}</th>
                {values.map((value, index) => (
                  <td key={definition.series[index]?.label} class="number">
                    {definition.format(value)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
