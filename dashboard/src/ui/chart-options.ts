import type uPlot from 'uplot'
import { formatClock, formatDate } from '../format/format.ts'
import type { ChartDefinition, ChartSeries } from '../state/charts.ts'

export interface ChartOptions {
  readonly definition: Pick<ChartDefinition, 'format' | 'isBinary'> & {
    readonly series: readonly Omit<ChartSeries, 'read'>[]
  }
  readonly element: HTMLElement
  readonly windowMs: number
  /** Called with the sample under the pointer; undefined when it leaves. */
  readonly hover: (index: number | undefined) => void
}

const axisWidth = 64

/** 1, 2, 4 … 2^50: round numbers where 1 KB is 1024 bytes. */
const binarySteps = Array.from({ length: 51 }, (_, power) => 2 ** power)

/** `10.0 s` is `10 s` on an axis. */
const short = (text: string) =>
  text.replace(/\.(\d*?)0+(?= |$)/, (_all, digits: string) => (digits === '' ? '' : `.${digits}`))

export function chartOptions({ definition, element, windowMs, hover }: ChartOptions): uPlot.Options {
  const color = (name: string) => () => resolvedColor(element, name)
  const font = `11px ${getComputedStyle(element).fontFamily}`
  const axis = {
    font,
    stroke: color('--muted'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, sync: { key: 'traffic' }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: (_plot, _min, max) => [max - windowMs / 1000, max] },
      // From zero, with some room, and never flat.
      y: { range: (_plot, _min, max) => [0, (max ?? 0) > 0 ? (max ?? 0) * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 60,
        values: (_plot, splits) => clockTicks(splits),
      },
      {
        ...axis,
        size: axisWidth,
        space: 34,
        ...(definition.isBinary ? { incrs: binarySteps } : {}),
        values: (_plot, splits) => splits.map((value) => short(definition.format(value))),
      },
    ],
    series: [
      {},
      ...definition.series.map(({ label, color: name, isDashed }) => ({
        label,
        stroke: color(name),
        width: 1.75,
        points: { show: false },
        ...(isDashed ? { dash: [5, 4] } : {}),
      })),
    ],
    hooks: { setCursor: [({ cursor }) => hover(cursor.idx ?? undefined)] },
  }
}

/** With seconds only where minutes would repeat, and dates where times would. */
function clockTicks(splits: readonly number[]): string[] {
  const step = (splits[1] ?? 0) - (splits[0] ?? 0)
  if (step >= 43_200) return splits.map((at) => formatDate(at * 1000))
  return splits.map((at) => formatClock(at * 1000).slice(0, step < 60 ? 8 : 5))
}

/** A canvas does not know custom properties: a colour is read where the style sheet applies it. */
function resolvedColor(element: HTMLElement, name: string): string {
  element.style.setProperty('outline-color', `var(${name})`)
  return getComputedStyle(element).outlineColor
}
