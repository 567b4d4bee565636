import { type ChartDefinition, type ChartPoint, chartTable } from '../state/charts.ts'
import { TableFrame } from './table-frame.tsx'

export interface ChartTableProps<Point extends ChartPoint> {
  readonly definition: ChartDefinition<Point>
  readonly samples: readonly Point[]
  /** Time that a row is for. */
  readonly step: { readonly ms: number; readonly title: string; readonly format: (atMs: number) => string }
}

/** The data of a chart as a table. */
export function ChartTable<Point extends ChartPoint>({ definition, samples, step }: ChartTableProps<Point>) {
  return (
    <section class="panel">
      <h3 class="panel-title">{definition.title}</h3>
      <TableFrame label={definition.title}>
        <table class="table">
          <caption class="unseen">
            {definition.title} by the {step.title.toLowerCase()}
          </caption>
          <thead>
            <tr>
              <th scope="col">{step.title}</th>
              {definition.series.map(({ label }) => (
                <th key={label} scope="col" class="number">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {chartTable(samples, definition, step.ms).map(({ startMs, values }) => (
              <tr key={startMs}>
                <th scope="row">{step.format(startMs)}</th>
                {values.map((value, index) => (
                  <td key={definition.series[index]?.label} class="number">
                    {definition.format(value)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
    </section>
  )
}
