import { readdirSync, readFileSync } from 'node:fs'

/** Descriptors for log files, probes, DNS lookups, certificates and other short-lived uses. */
const reserved = 32
/** Descriptors of one more thread: event loop, message ports and timers. */
const perThread = 16
const leastConnections = 16

/**
 * Maximum concurrent client connections: half of the free descriptors, since each request may need a connection to an
 * endpoint.
 * @param limit of the process
 * @param open now
 * @param threads serving threads besides this one
 */
export function connectionsFor(limit: number, open: number, threads: number): number {
  const left = limit - open - reserved - perThread * threads
  return Math.max(leastConnections, Math.floor(left / 2))
}

/**
 * `server.max_connections` for all threads together; 0 means no limit.
 * @param warn called if the limit is unreachable
 */
export function connectionLimit(
  configured: number | 'auto',
  threads: number,
  warn: (message: string) => void,
): number {
  const limit = descriptorLimit()
  if (limit === undefined) return configured === 'auto' ? 0 : configured
  const possible = connectionsFor(limit, openDescriptors(), threads)
  if (configured === 'auto') return possible
  if (configured > possible)
    warn(
      `server.max_connections: ${configured} may need more than the ${limit} file descriptors of this process`,
    )
  return configured
}

/** @returns the maximum open descriptors of this process; undefined if unknown or unlimited */
export function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return process.platform === 'win32' ? undefined : reportedLimit()
  }
}

/** Takes a few milliseconds; used where there is no `/proc`. */
function reportedLimit(): number | undefined {
  const report: unknown = process.report.getReport()
  const limits: unknown = valueAt(report, 'userLimits')
  const soft: unknown = valueAt(valueAt(limits, 'open_files'), 'soft')
  return typeof soft === 'number' ? soft : undefined
}

/** @returns the number of open descriptors; a guess if there is no `/proc` */
export function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return reserved
  }
}

function valueAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}
