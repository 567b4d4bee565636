import { appendFile, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../kernel/clock.ts'
import { redactSecrets } from './redact.ts'

export interface SessionRecorderOptions {
  readonly folder: string
  /** Bytes after which a file takes no more. */
  readonly maxFileBytes: number
  /** Days whose files are kept. */
  readonly maxDays: number
}

/** Told of what comes of writing. */
export interface RecorderOutcome {
  /** The first entry after one that was written, or of all, could not be. */
  failed(error: unknown): void
  /** Entries are written again. @param lost how many were not */
  recovered(lost: number): void
}

/** One line of a session's file. */
export interface SessionEntry {
  readonly type: 'request' | 'response'
  readonly model?: string | undefined
  /** JSON where it is JSON, text otherwise. */
  readonly body: Buffer
}

/** Lines that wait for the disk; what comes beyond is dropped. */
const maxPendingBytes = 33_554_432
/** Files of one day: clients name their sessions themselves. */
const maxFilesPerDay = 1_000
const lastFlushMs = 1_000
const defaultSession = 'default'

/** A session's name as a client gives it; what is not fit for a file name is the default session. */
export function sessionName(given: string | undefined): string {
  return given !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(given) ? given : defaultSession
}

/**
 * Writes requests and answers to files, one for each session and day (`<folder>/<date>/<session>.jsonl`), readable
 * by the owner only, secrets hidden. For development; it never holds a request up and never fails one.
 */
export class SessionRecorder {
  readonly #clock: Clock
  readonly #options: SessionRecorderOptions
  readonly #outcome: RecorderOutcome
  /** Entries that could not be written since the last one that could. */
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

  /** Entries that were not written: the disk was slow, or the files are full. */
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
        // A full disk would fill the log with one line for each request.
        if (this.#lost++ === 0) this.#outcome.failed(error)
        // Its folder may have been removed.
        this.#day = ''
      })
      .finally(() => {
        this.#pendingBytes -= bytes
      })
  }

  /** Resolves when everything recorded so far has been written, or after a second: the disk may not respond. */
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
