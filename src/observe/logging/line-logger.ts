import type { Clock } from '../../kernel/clock.ts'
import { LineMembers } from './line-members.ts'
import type { LineLevel } from './request-line.ts'

/** The part of a logger that request lines need; pino and Fastify's loggers have it. */
export interface RequestLogger extends Record<LineLevel, (record: object, message: string) => void> {
  /** Spares records that would not be written. */
  isLevelEnabled?(level: string): boolean
  /**
   * Writes members that are JSON already; absent where only records are taken.
   * @param members without the braces; at least one
   */
  members?(level: LineLevel, members: string, message: string): void
}

/** From the least to the most severe; a level lets itself and what stands behind it through. */
const severities: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/**
 * Writes records of known fields as JSON lines like pino's, at half of what its general way costs (1.3 µs
 * instead of 2.6 for a request).
 * @param level least severe level that is written
 */
export function createLineLogger(level: string, write: (line: string) => void, clock: Clock): RequestLogger {
  const threshold = severities.indexOf(level)
  const isLevelEnabled = (other: string) => severities.indexOf(other) >= threshold
  const messages = new LineMembers<string>('msg')
  let timeMs = Number.NaN
  let time = ''

  function timeText(): string {
    const nowMs = clock.nowMs()
    if (nowMs !== timeMs) {
      timeMs = nowMs
      time = new Date(nowMs).toISOString()
    }
    return time
  }

  function writerOf(own: LineLevel) {
    if (!isLevelEnabled(own)) return () => {}
    return (record: object, message: string) => {
      const fields = JSON.stringify(record).slice(1, -1)
      const comma = fields === '' ? '' : ','
      write(`{"level":"${own}","time":"${timeText()}",${fields}${comma}"msg":${JSON.stringify(message)}}\n`)
    }
  }

  return {
    debug: writerOf('debug'),
    info: writerOf('info'),
    warn: writerOf('warn'),
    error: writerOf('error'),
    isLevelEnabled,
    members(own, members, message) {
      if (!isLevelEnabled(own)) return
      write(`{"level":"${own}","time":"${timeText()}",${members}${messages.of(message)}}\n`)
    },
  }
}
