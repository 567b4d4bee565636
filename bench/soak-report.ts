// Reports the samples of a soak.
import { median, slope } from './statistics.ts'

export interface Sample {
  /** Since the start of the traffic. */
  readonly seconds: number
  readonly residentMegabytes: number
  /** As reported by the gateway's `/internal/process`. */
  readonly heapMegabytes: number
  readonly openFiles: number
}

/** As CSV. */
export function renderSamples(samples: readonly Sample[]): string {
  const rows = samples.map(({ seconds, residentMegabytes, heapMegabytes, openFiles }) =>
    [seconds, residentMegabytes.toFixed(1), heapMegabytes.toFixed(1), openFiles].join(','),
  )
  return `${['seconds,resident_mb,heap_mb,open_files', ...rows].join('\n')}\n`
}

/** The second and the last quarter beside each other, and the rise since the first; the start is left out. */
export function summarize(samples: readonly Sample[]): string {
  const quarter = Math.floor(samples.length / 4)
  const settled = samples.slice(quarter)
  const lines = (['residentMegabytes', 'heapMegabytes'] as const).map((name) => {
    const values = settled.map((sample) => sample[name])
    const early = median(values.slice(0, quarter))
    const late = median(values.slice(-quarter))
    const perHour = slope(settled.map((sample) => ({ x: sample.seconds / 3600, y: sample[name] })))
    return `${name === 'residentMegabytes' ? 'resident' : 'heap'}: median ${early.toFixed(1)} MB in the second quarter, ${late.toFixed(1)} MB in the last; ${perHour.toFixed(1)} MB an hour since the first`
  })
  const files = settled.map(({ openFiles }) => openFiles)
  return [...lines, `open files: ${Math.min(...files)} to ${Math.max(...files)}`].join('\n')
}
