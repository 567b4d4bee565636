import { appendFile, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../kernel/clock.ts'
import { redactSecrets } from './redact.ts'

export interface SessionRecorderOptions {
  readonly folder: string
  /** Maximum size of a file. */
  readonly maxFileBytes: number
  /** Number of days to keep files. */
  readonly maxDays: number
}

/** Receives changes between failing and working writes. */
export interface RecorderOutcome {
  /** A write failed after a success, or the first write failed. */
  failed(error: unknown): void
  /** Writes succeed again. @param lost number of lost entries */
  recovered(lost: number): void
}

/** One line of a session's file. */
export interface SessionEntry {
  readonly type: 'request' | 'response'
  readonly model?: string | undefined
  /** Stored as JSON if valid, else as text. */
  readonly body: Buffer
}

/** Maximum bytes waiting for the disk; further entries are dropped. */
const maxPendingBytes = 33_554_432
/** Maximum files per day, because clients name their sessions. */
const maxFilesPerDay = 1_000
const lastFlushMs = 1_000
const defaultSession = 'default'

/** The client's session name, or the default session if it is not safe as a file name. */
export function sessionName(given: string | undefined): string {
  return given !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(given) ? given : defaultSession
}

/**
 * Writes requests and responses to files, one per session and day (`<folder>/<date>/<session>.jsonl`), readable only by
 * the owner, with secrets hidden. For development; it never delays or fails a request.
 */
export class SessionRecorder {
  readonly #clock: Clock
  readonly #options: SessionRecorderOptions
  readonly #outcome: RecorderOutcome
  /** Entries lost since the last successful write. */
  #lost = 0
  #writes: Promise<void> = Promise.resolve()
  #pendingBytes = 0
  #dropped = 0
  #day = ''
  #sizes = new Map<string, number>()

  constructor(clock: Clock, options: SessionRecorderOptions, outcome: RecorderOutcome) {
    this.#clock = clock
    this.#options = options
    this.#outcome = outcome
  }

  /** Entries that were not written because the disk was slow or the files are full. */
  get dropped(): number {
    return this.#dropped
  }

  record(session: string, entry: SessionEntry): void {
    const line = lineOf(entry, new Date(this.#clock.nowMs()).toISOString())
    const bytes = Buffer.byteLength(line)
    if (this.#pendingBytes + bytes > maxPendingBytes) {
      this.#dropped++
      return
    }
    this.#pendingBytes += bytes
    const day = line.slice(line.indexOf('"ts":"') + 6).slice(0, 10)
    this.#writes = this.#writes
      .then(async () => {
        await this.#write(day, session, line, bytes)
        if (this.#lost > 0) this.#outcome.recovered(this.#lost)
        this.#lost = 0
      })
      .catch((error: unknown) => {
        this.#dropped++
        // A full disk must not add a log line for every request.
        if (this.#lost++ === 0) this.#outcome.failed(error)
        // The folder may have been removed.
        this.#day = ''
      })
      .finally(() => {
        this.#pendingBytes -= bytes
      })
  }

  /** Resolves when all entries so far are written, or after a second in case the disk does not respond. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(lastFlushMs, resolve)
      void this.#writes.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  async #write(day: string, session: string, line: string, bytes: number): Promise<void> {
    const folder = join(this.#options.folder, day)
    if (day !== this.#day) await this.#openDay(day, folder)
    const size = this.#sizes.get(session) ?? (await sizeOf(join(folder, `${session}.jsonl`)))
    const isNew = !this.#sizes.has(session)
    if (size + bytes > this.#options.maxFileBytes || (isNew && this.#sizes.size >= maxFilesPerDay)) {
      this.#dropped++
      return
    }
    await appendFile(join(folder, `${session}.jsonl`), line, { mode: 0o600 })
    this.#sizes.set(session, size + bytes)
  }

  async #openDay(day: string, folder: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    this.#day = day
    this.#sizes = new Map()
    const days = (await readdir(this.#options.folder)).filter((name) => /^\d{4}-\d\d-\d\d$/.test(name)).sort()
    for (const old of days.slice(0, -this.#options.maxDays)) {
      await rm(join(this.#options.folder, old), { recursive: true, force: true })
    }
  }
}

function lineOf({ type, model, body }: SessionEntry, ts: string): string {
  const text = body.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = text
  }
  return `${JSON.stringify({ type, ts, model, body: redactSecrets(value) })}\n`
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}
