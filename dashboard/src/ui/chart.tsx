/** A moving chart: uPlot on a canvas, which is loaded when the first one is shown. */
import { effect, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type uPlot from 'uplot'
import { type ChartDefinition, type ChartPoint, chartColumns, chartSummary } from '../state/charts.ts'
import { chartOptions } from './chart-options.ts'
import { theme } from './theme.ts'

export interface ChartProps<Point extends ChartPoint> {
  readonly definition: ChartDefinition<Point>
  readonly samples: readonly Point[]
  readonly windowMs: number
}

export function Chart<Point extends ChartPoint>({ definition, samples, windowMs }: ChartProps<Point>) {
  const frame = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const hovered = useSignal<number | undefined>(undefined)
  const columns = chartColumns(samples, definition)
  const shown = useRef(columns)
  shown.current = columns

  useEffect(() => {
    const element = frame.current
    if (element === null) return
    let isGone = false
    let release = () => {}
    void import('./uplot.ts').then(({ default: Plot }) => {
      if (isGone) return
      const created = new Plot(
        chartOptions({ definition, element, windowMs, hover: (index) => (hovered.value = index) }),
        shown.current,
        element,
      )
      plot.current = created
      release = keepFitting(created, element)
    })
    return () => {
      isGone = true
      release()
      plot.current?.destroy()
      plot.current = null
    }
  }, [definition, windowMs])

  useEffect(() => plot.current?.setData(columns))

  const index = hovered.value ?? columns[0].length - 1
  return (
    <figure class="panel chart">
      <figcaption class="chart-head">
        <h3 class="panel-title">{definition.title}</h3>
        <span class="legend">
          {definition.series.map(({ label, color, isDashed }, at) => (
            <span key={label} class="legend-item">
              <span
                class={isDashed ? 'legend-line dashed' : 'legend-line'}
                style={{ color: `var(${color})` }}
              />
              {label} <b>{definition.format(columns[at + 1]?.[index] ?? undefined)}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={frame} class="chart-canvas" role="img" aria-label={chartSummary(samples, definition)} />
    </figure>
  )
}

/** Follows the frame's width and the page's colours. */
function keepFitting(plot: uPlot, element: HTMLElement): () => void {
  const observer = new ResizeObserver(() => {
    plot.setSize({ width: element.clientWidth, height: element.clientHeight })
  })
  observer.observe(element)
  const scheme = matchMedia('(prefers-color-scheme: dark)')
  const redraw = () => plot.redraw(false)
  scheme.addEventListener('change', redraw)
  const stop = effect(() => {
    theme.value
    redraw()
  })
  return () => {
    observer.disconnect()
    scheme.removeEventListener('change', redraw)
    stop()
  }
}
