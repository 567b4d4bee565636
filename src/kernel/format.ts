/**
 * Formats of Olla's status routes (contract 1.6), which dashboards show and scripts parse.
 */

const byteUnits = ['KB', 'MB', 'GB', 'TB', 'PB'] as const

/** `0 B`, `13.38 KB`, … `1.00 PB`; 1 KB is 1024 bytes. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.max(0, Math.round(bytes))} B`
  let value = bytes / 1024
  let unit = 0
  // 1023.996 would round to `1024.00`.
  while (Number(value.toFixed(2)) >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024
    unit++
  }
  return `${value.toFixed(2)} ${byteUnits[unit]}`
}

/** `0%`, `100%`, else one decimal; `N/A` if undefined. */
export function formatPercentage(percent: number | undefined): string {
  if (percent === undefined) return 'N/A'
  if (percent === 0) return '0%'
  return percent === 100 ? '100%' : `${percent.toFixed(1)}%`
}

/** `0ms`, `250ms`, `1.5s`. */
export function formatLatency(ms: number): string {
  const whole = Math.round(ms)
  return whole >= 1000 ? `${(whole / 1000).toFixed(1)}s` : `${Math.max(0, whole)}ms`
}

/** `17s ago`, `5m ago`, `2h ago`, `3d ago`; `never` for undefined. */
export function formatAgo(atMs: number | undefined, nowMs: number): string {
  return atMs === undefined ? 'never' : `${span(nowMs - atMs)} ago`
}

/** `in 5s`; `now` if due; `unknown` for undefined. */
export function formatUntil(atMs: number | undefined, nowMs: number): string {
  if (atMs === undefined) return 'unknown'
  return atMs <= nowMs ? 'now' : `in ${span(atMs - nowMs)}`
}

/** `29s`, `5m`, `2h 3m`, `1d 2h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (minutes === 0) return `${seconds}s`
  if (hours === 0) return `${minutes}m`
  return hours < 24 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`
}

/** Durations as Go prints them: `423µs`, `8.479ms`, `1.5s`, `26m19s`, `1h0m5s`; rounded to microseconds. */
export function formatGoDuration(ms: number): string {
  const microseconds = Math.max(0, Math.round(ms * 1000))
  if (microseconds === 0) return '0s'
  if (microseconds < 1000) return `${microseconds}µs`
  if (microseconds < 1_000_000) return `${microseconds / 1000}ms`
  const minutes = Math.floor(microseconds / 60_000_000)
  const seconds = `${(microseconds - minutes * 60_000_000) / 1_000_000}s`
  if (minutes === 0) return seconds
  const hours = Math.floor(minutes / 60)
  return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`
}

/** RFC 3339, UTC, milliseconds. */
export function formatTime(atMs: number): string {
  return new Date(atMs).toISOString()
}

/** In the largest unit that fits, rounded down. */
function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}
