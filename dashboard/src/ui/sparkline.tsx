/** A few values as a line without axes. It repeats the text beside it, so screen readers skip it. */

const width = 120
const height = 32

export interface SparklineProps {
  /** Null where there is no value: the line has a gap. */
  readonly values: readonly (number | null)[]
  readonly tone?: 'series-1' | 'series-2' | 'bad'
}

export function Sparkline({ values, tone = 'series-1' }: SparklineProps) {
  const highest = Math.max(...values.map((value) => value ?? 0), Number.EPSILON)
  const step = width / Math.max(1, values.length - 1)
  const points = values.map((value, index) =>
    value === null ? null : ([index * step, height - 2 - (value / highest) * (height - 4)] as const),
  )
  return (
    <svg
      class={`sparkline ${tone}`}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      focusable="false"
    >
      {lines(points).map((line) => (
        <path key={line} d={line} />
      ))}
    </svg>
  )
}

/** One path per run of values; a lone value is a dot. */
function lines(points: readonly (readonly [number, number] | null)[]): string[] {
  const paths: string[] = []
  let path = ''
  for (const point of [...points, null]) {
    if (point === null) {
      if (path !== '') paths.push(path)
      path = ''
      continue
    }
    const at = `${point[0].toFixed(1)} ${point[1].toFixed(1)}`
    path += path === '' ? `M${at}h.01` : `L${at}`
  }
  return paths
}
