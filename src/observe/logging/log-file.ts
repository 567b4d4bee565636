import { close, open } from 'node:fs'
import { access, constants, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError } from '../../config/schema/diagnostics.ts'
import type { GatewayConfig } from '../../config/schema/schema.ts'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { FileOutput } from './file-output.ts'
import type { LogOutput } from './log-output.ts'
import type { LostLines } from './lost-lines.ts'

export type LogFileConfig = Pick<
  GatewayConfig['logging'],
  'dir' | 'max_size_mb' | 'max_backups' | 'max_age_days'
>

const logName = 'olla-gateway'
const dayMs = 86_400_000
/** Interval to check the file: another program may move or remove it, and a full disk may have room again. */
const checkIntervalMs = 1_000
/** Time limit for opening, because an unreachable network file system does not answer. */
const openMs = 2_000
const openDescriptor = promisify(open)

/**
 * Opens rotated files in `logging.dir`, `olla-gateway.1.log` and up, and removes files that are too old.
 * @throws ConfigError if the folder is not writable; a full or unresponsive disk does not stop the start
 */
export async function createLogFile(
  config: LogFileConfig,
  minLength: number,
  lost: LostLines,
  clock: Clock = systemClock,
): Promise<LogOutput> {
  const file = new LogFile(config, minLength, lost, clock)
  try {
    await Promise.race([file.start(), new Promise((resolve) => setTimeout(resolve, openMs).unref())])
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'ENOSPC' && code !== 'EDQUOT') {
      const message = `the folder ${config.dir} cannot be written to (${code})`
      throw new ConfigError([{ severity: 'error', key: 'logging.dir', message }])
    }
  }
  return file
}

class LogFile implements LogOutput {
  readonly #config: LogFileConfig
  readonly #clock: Clock
  readonly #output: FileOutput
  #number = 0
  /** Inode of the open file. */
  #inode = 0
  #checking: Promise<void> | undefined
  #nextCheckMs = 0

  constructor(config: LogFileConfig, minLength: number, lost: LostLines, clock: Clock) {
    this.#config = config
    this.#clock = clock
    this.#output = new FileOutput(undefined, minLength, lost)
  }

  write(text: string): void {
    this.#output.write(text)
  }

  flush(): void {
    this.#output.flush()
    const nowMs = this.#clock.monotonicMs()
    if (this.#checking !== undefined || (nowMs < this.#nextCheckMs && !this.#isFull)) return
    this.#nextCheckMs = nowMs + checkIntervalMs
    // The next check retries; until then lines go to the open file or count as lost.
    void this.#while(this.#check()).catch(() => {})
  }

  whenIdle(done: () => void): void {
    void (this.#checking ?? Promise.resolve()).then(() => this.#output.whenIdle(done))
  }

  start(): Promise<void> {
    return this.#while(this.#start())
  }

  /** Serializes work on files. */
  #while(work: Promise<void>): Promise<void> {
    this.#checking = work
      .catch(() => {})
      .then(() => {
        this.#checking = undefined
      })
    return work
  }

  async #start(): Promise<void> {
    const { dir, max_age_days: maxAgeDays } = this.#config
    await mkdir(dir, { recursive: true })
    await access(dir, constants.W_OK)
    await removeOldFiles(dir, maxAgeDays)
    await this.#openLast()
  }

  /** Opens the file with the highest number. */
  async #openLast(): Promise<void> {
    const numbers = await this.#numbers()
    await this.#open(Math.max(1, this.#number, ...numbers))
  }

  get #isFull(): boolean {
    return this.#output.size >= this.#config.max_size_mb * 1024 * 1024
  }

  async #check(): Promise<void> {
    if (this.#isFull) {
      await this.#open(this.#number + 1)
      await this.#removeBackups()
      return
    }
    const found = await stat(this.#path(this.#number)).catch(() => undefined)
    if (found !== undefined && found.ino === this.#inode) return
    try {
      await mkdir(this.#config.dir, { recursive: true })
      await this.#openLast()
    } catch (error) {
      // Lines written to a removed file are lost.
      if (found === undefined) this.#output.reopen(undefined, 0)
      throw error
    }
  }

  async #open(number: number): Promise<void> {
    const path = this.#path(number)
    const descriptor = await openDescriptor(path, 'a', 0o666)
    try {
      const { ino, size } = await stat(path)
      this.#inode = ino
      this.#number = number
      this.#output.reopen(descriptor, size)
    } catch (error) {
      close(descriptor, () => {})
      throw error
    }
  }

  async #removeBackups(): Promise<void> {
    const last = this.#number - this.#config.max_backups
    const excess = (await this.#numbers()).filter((number) => number < last)
    await Promise.all(excess.map((number) => rm(this.#path(number), { force: true })))
  }

  async #numbers(): Promise<number[]> {
    const names = await readdir(this.#config.dir)
    return names.flatMap((name) => {
      const match = /^olla-gateway\.(\d{1,9})\.log$/.exec(name)
      return match === null ? [] : [Number(match[1])]
    })
  }

  #path(number: number): string {
    return join(this.#config.dir, `${logName}.${number}.log`)
  }
}

async function removeOldFiles(dir: string, maxAgeDays: number): Promise<void> {
  if (maxAgeDays === 0) return
  for (const name of await readdir(dir)) {
    if (!name.startsWith(logName) || !name.endsWith('.log')) continue
    const path = join(dir, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && Date.now() - found.mtimeMs > maxAgeDays * dayMs)
      await rm(path, { force: true })
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
