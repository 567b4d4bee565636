import pino, { type DestinationStream, type Level, type Logger } from 'pino'
import type { GatewayConfig } from '../../config/schema/schema.ts'
import { systemClock } from '../../kernel/clock.ts'
import { LineBatch } from './line-batch.ts'
import { createLineLogger, type RequestLogger } from './line-logger.ts'
import { createLogFile } from './log-file.ts'
import type { LogOutput } from './log-output.ts'
import { LostLines } from './lost-lines.ts'
import { createPrettyLines } from './pretty-lines.ts'
import { redactedPaths } from './redact.ts'
import { standardOutput } from './standard-output.ts'

export interface LogTarget {
  readonly logger: Logger
  /**
   * Logger for request lines only, whose fields are known: redaction copies every record, which was 40 % of a request's
   * allocations.
   */
  readonly requestLogger: RequestLogger
  /** Writes finished lines from the loggers of another thread. */
  write(lines: string): void
  /** Writes text for people to standard output, in order with log lines. */
  say(text: string): void
  /** Reports numbers of lost lines, first those lost so far. */
  onLost(listener: (lines: number) => void): void
  /**
   * Flushes buffered lines for at most a second.
   * @returns whether all outputs accepted them; if not, a write still blocks a thread of the pool
   */
  flush(): Promise<boolean>
}

/** The loggers of a thread. */
export type ThreadLog = Pick<LogTarget, 'logger' | 'requestLogger'> & { flush(): Promise<void> }

export interface LogSettings {
  readonly config: GatewayConfig['logging']
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean
  /** Whether the configuration sets the format; if not, a terminal gets the pretty one. */
  readonly formatIsChosen: boolean
}

/** Bytes to buffer before a write, so that one system call writes many lines. */
const batchBytes = 4096
const flushMs = 250
/** Bytes of request lines to batch before they go to the destinations. */
const lineBatchBytes = 65_536

/** Maximum time that a stop waits for a log destination that accepts no lines. */
const lastFlushMs = 1_000

/**
 * The logger of the process: to standard output, and to files if configured. Writes are batched and never wait for a
 * reader. A full disk or a pipe without a reader loses lines, not requests.
 */
export async function createLogger({ config, isTerminal, formatIsChosen }: LogSettings): Promise<LogTarget> {
  const isPretty = formatIsChosen ? config.format === 'text' : isTerminal || config.format === 'text'
  const level = config.level as Level
  const hasColour = isTerminal && process.env.NO_COLOR === undefined
  let lostBefore = 0
  let reportLost = (lines: number) => {
    lostBefore += lines
  }
  const losses = {
    stdout: new LostLines((lines) => reportLost(lines)),
    file: new LostLines((lines) => reportLost(lines)),
  }
  const standard = standardOutput(isTerminal ? 0 : batchBytes, losses.stdout)
  const outputs = [await formatted(standard, isPretty, hasColour)]
  if (config.output === 'file') outputs.push(await createLogFile(config, batchBytes, losses.file))

  const write = (text: string) => {
    for (const output of outputs) output.write(text)
  }
  const lines = new LineBatch(isTerminal ? 0 : lineBatchBytes, write)
  const loggers = createLoggers(level, { write }, lines)
  const flush = () => {
    lines.flush()
    for (const [output, lost] of Object.entries(losses)) {
      const count = lost.takeReport()
      if (count > 0) loggers.logger.warn({ output, lines: count }, 'log lines were dropped')
    }
    for (const output of outputs) output.flush()
  }
  const timer = setInterval(flush, flushMs)
  timer.unref()
  return {
    ...loggers,
    write,
    say: (text) => standard.write(text),
    onLost(listener) {
      reportLost = listener
      if (lostBefore > 0) listener(lostBefore)
    },
    async flush() {
      clearInterval(timer)
      flush()
      return Promise.race([
        Promise.all(outputs.map((output) => new Promise<void>((resolve) => output.whenIdle(resolve)))).then(
          () => true,
        ),
        new Promise<boolean>((resolve) => setTimeout(resolve, lastFlushMs, false)),
      ])
    },
  }
}

/**
 * Loggers of a thread without its own log: sends batched lines to the thread that writes them.
 * @param send receives finished lines
 */
export function createThreadLogger(level: string, send: (lines: string) => void): ThreadLog {
  const lines = new LineBatch(lineBatchBytes, send)
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
  return { logger, requestLogger: createLineLogger(level, lines, systemClock) }
}

async function formatted(output: LogOutput, isPretty: boolean, hasColour: boolean): Promise<LogOutput> {
  if (!isPretty) return output
  const format = await createPrettyLines(hasColour)
  return {
    write: (text) => output.write(format(text)),
    flush: () => output.flush(),
    whenIdle: (done) => output.whenIdle(done),
  }
}
