import type { Sample } from '../api/types.ts'

/** Figures of the samples in a window, per second. */
export interface Figures {
  readonly requestsPerSecond: number
  readonly tokensPerSecond: number
  /** 0 to 1; undefined if nothing has succeeded or failed. */
  readonly successShare: number | undefined
}

/** Over the last `windowMs`; undefined before the first sample. */
export function recentFigures(samples: readonly Sample[], windowMs: number): Figures | undefined {
  const last = samples.at(-1)
  if (last === undefined) return undefined
  let requests = 0
  let tokens = 0
  let successes = 0
  let failures = 0
  let spanMs = 0
  for (let index = samples.length - 1; index >= 0; index--) {
    const sample = samples[index]
    if (sample === undefined || sample.at_ms <= last.at_ms - windowMs) break
    requests += sample.requests
    tokens += sample.completion_tokens
    successes += sample.successes
    failures += sample.failures
    spanMs += sample.interval_ms
  }
  const rated = successes + failures
  return {
    requestsPerSecond: (requests * 1000) / spanMs,
    tokensPerSecond: (tokens * 1000) / spanMs,
    successShare: rated === 0 ? undefined : successes / rated,
  }
}

export const perSecond = (count: number, { interval_ms }: Sample) => (count * 1000) / interval_ms

/** Points of a sparkline. */
const sparkPoints = 40
/** Samples behind each of them: 4 minutes in all. */
const samplesPerPoint = 3

/**
 * The last minutes as the few values that a sparkline has room for: each the mean of some samples, null where
 * none of them has a value. Groups keep their samples as new ones arrive, so that the line moves without jitter.
 */
export function sparkValues(
  samples: readonly Sample[],
  read: (sample: Sample) => number | null,
): (number | null)[] {
  const last = samples.at(-1)
  if (last === undefined) return []
  const groupMs = samplesPerPoint * last.interval_ms
  const newest = Math.floor(last.at_ms / groupMs)
  const sums = Array.from({ length: sparkPoints }, () => ({ sum: 0, count: 0 }))
  for (let index = samples.length - 1; index >= 0; index--) {
    const sample = samples[index]
    const group = sample && sums[sparkPoints - 1 - newest + Math.floor(sample.at_ms / groupMs)]
    if (sample === undefined || group === undefined) break
    const value = read(sample)
    if (value === null) continue
    group.sum += value
    group.count++
  }
  return sums.map(({ sum, count }) => (count === 0 ? null : sum / count))
}

/** Mean time to the first byte of an endpoint's answers; null if there was none. */
export const endpointLatency = (id: string) => (sample: Sample) => sample.endpoints[id]?.[3] ?? null
