import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import pino, { type DestinationStream, type Level, type Logger, type StreamEntry } from 'pino'
import { systemClock } from '../clock.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { LineBatch } from './line-batch.ts'
import { createLineLogger, type RequestLogger } from './line-logger.ts'
import { redactedPaths } from './redact.ts'

export interface LogTarget {
  readonly logger: Logger
  /**
   * For the request lines alone, whose few fields are known: redaction copies every record, which was 40 % of
   * all that a request allocated.
   */
  readonly requestLogger: RequestLogger
  /** Writes finished lines of another thread's loggers. */
  write(lines: string): void
  /** Writes out what is still held back. */
  flush(): Promise<void>
}

export interface LogSettings {
  readonly config: GatewayConfig['logging']
  /** Whether somebody reads standard output as it comes. */
  readonly isTerminal: boolean
  /** Whether the format was chosen on purpose; else a terminal gets the pretty one. */
  readonly formatIsChosen: boolean
}

/** Bytes gathered before a write, and the longest time they wait: one system call for many lines. */
const batchBytes = 4096
const flushMs = 250
/** Of request lines, before they go to the destinations above. */
const lineBatchCharacters = 65_536

/** The process's logger: to standard output, and to files where configured. Writes are batched. */
export async function createLogger({ config, isTerminal, formatIsChosen }: LogSettings): Promise<LogTarget> {
  const isPretty = formatIsChosen ? config.format === 'text' : isTerminal || config.format === 'text'
  const level = config.level as Level
  const batched: { flush(done?: (error?: Error) => void): void }[] = []

  const stdout = pino.destination({ dest: 1, sync: false, minLength: isTerminal ? 0 : batchBytes })
  batched.push(stdout)
  const streams: StreamEntry[] = [
    { level, stream: isPretty ? await prettyStream(stdout, isTerminal) : stdout },
  ]
  if (config.output === 'file') {
    await removeOldFiles(config.dir, config.max_age_days)
    const { default: roll } = await import('pino-roll')
    const file = await roll({
      file: join(config.dir, logName),
      extension: '.log',
      size: `${config.max_size_mb}m`,
      limit: { count: config.max_backups },
      mkdir: true,
      sync: false,
      minLength: batchBytes,
    })
    batched.push(file)
    streams.push({ level, stream: file })
  }

  const [only] = streams
  const target = streams.length === 1 && only !== undefined ? only.stream : pino.multistream(streams)
  const write = (text: string) => {
    for (const { stream } of streams) stream.write(text)
  }
  const lines = new LineBatch(isTerminal ? 0 : lineBatchCharacters, write)
  const timer = setInterval(() => {
    lines.flush()
    for (const stream of batched) stream.flush()
  }, flushMs)
  timer.unref()
  return {
    ...createLoggers(level, target, lines),
    write,
    async flush() {
      clearInterval(timer)
      lines.flush()
      await Promise.all(
        batched.map((stream) => new Promise<void>((resolve) => stream.flush(() => resolve()))),
      )
    },
  }
}

/**
 * The loggers of a thread that owns no log of its own: their lines are gathered and sent to the one that does.
 * @param send takes finished lines
 */
export function createThreadLogger(level: string, send: (lines: string) => void): Omit<LogTarget, 'write'> {
  const lines = new LineBatch(lineBatchCharacters, send)
  const timer = setInterval(() => lines.flush(), flushMs)
  timer.unref()
  return {
    ...createLoggers(level as Level, { write: (line) => lines.add(line) }, lines),
    async flush() {
      clearInterval(timer)
      lines.flush()
    },
  }
}

function createLoggers(level: Level, target: DestinationStream, lines: LineBatch) {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: '[redacted]' },
    },
    target,
  )
  return { logger, requestLogger: createLineLogger(level, (line) => lines.add(line), systemClock) }
}

const logName = 'olla-gateway'
const dayMs = 86_400_000

/** Size and number are pino-roll's to bound; it knows no age. */
async function removeOldFiles(dir: string, maxAgeDays: number): Promise<void> {
  if (maxAgeDays === 0) return
  const names = await readdir(dir).catch(() => [])
  for (const name of names) {
    if (!name.startsWith(logName) || !name.endsWith('.log')) continue
    const path = join(dir, name)
    const { mtimeMs } = await stat(path)
    if (Date.now() - mtimeMs > maxAgeDays * dayMs) await rm(path, { force: true })
  }
}

async function prettyStream(destination: DestinationStream, colorize: boolean): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    destination,
    colorize: colorize && process.env.NO_COLOR === undefined,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
  })
}
