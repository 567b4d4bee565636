import { createHash } from 'node:crypto'
import { watch } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../../kernel/clock.ts'

export interface FolderWatcher {
  onError(listener: (error: Error) => void): void
  close(): void
}

/** The file system. */
export interface WatchedFiles {
  read(file: string): Promise<Buffer>
  realpath(file: string): Promise<string>
  /** @throws Error if the system cannot watch the folder */
  watch(folder: string, onEvent: () => void): FolderWatcher
}

export interface FileWatchServices {
  readonly clock: Clock
  /** Called after each new content, one call at a time. */
  readonly onChange: () => Promise<unknown>
  /** Default: the system's. */
  readonly files?: WatchedFiles
}

/** How changes of the file are found. */
export interface WatchState {
  /** `polling`: the system reports no changes, so that the content is compared at intervals. */
  readonly mode: 'watching' | 'polling'
  /** Why it polls, or why the file cannot be read; undefined if neither. */
  readonly problem: string | undefined
}

/** A content counts when it has stayed the same for so long: editors and copies write in several steps. */
const settleMs = 500
/** An empty file is about to be written, or a mistake. */
const emptySettleMs = 5_000
/** The content is compared without an event, too: network file systems report none. */
const compareMs = 5_000
const pollMs = 1_000

/**
 * Watches the content of a file. It watches folders, because editors replace files, and a ConfigMap of Kubernetes
 * replaces a symbolic link on the way to them; the content decides.
 */
export class FileWatch {
  readonly #file: string
  readonly #services: FileWatchServices
  readonly #files: WatchedFiles
  readonly #watchers = new Map<string, FolderWatcher>()
  /** The content that was reported last. */
  #known: string | undefined
  #pending: { readonly hash: string; readonly isEmpty: boolean; readonly sinceMs: number } | undefined
  #timer: Timer | undefined
  #isChecking = false
  /** Whether an event arrived during a check. */
  #isDue = false
  #isStopped = false
  #watchProblem: string | undefined
  #readProblem: string | undefined

  /** @param file absolute */
  constructor(file: string, services: FileWatchServices) {
    this.#file = file
    this.#services = services
    this.#files = services.files ?? systemFiles
  }

  get state(): WatchState {
    return {
      mode: this.#watchProblem === undefined ? 'watching' : 'polling',
      problem: this.#readProblem ?? this.#watchProblem,
    }
  }

  /** The present content counts as known. */
  async start(): Promise<void> {
    this.#known = (await this.#read())?.hash
    await this.#watchFolders()
    this.#arm(this.#intervalMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  get #intervalMs(): number {
    return this.#watchProblem === undefined ? compareMs : pollMs
  }

  #arm(delayMs: number): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#timer = this.#services.clock.after(delayMs, () => void this.#check())
  }

  async #check(): Promise<void> {
    if (this.#isChecking) return
    this.#isChecking = true
    this.#isDue = false
    const waitMs = await this.#compare()
    await this.#watchFolders()
    this.#isChecking = false
    this.#arm(waitMs ?? (this.#isDue ? 0 : this.#intervalMs))
  }

  /** @returns milliseconds until the content may count; undefined if it is known */
  async #compare(): Promise<number | undefined> {
    const found = await this.#read()
    if (found === undefined || found.hash === this.#known) {
      this.#pending = undefined
      return undefined
    }
    const nowMs = this.#services.clock.monotonicMs()
    if (this.#pending?.hash !== found.hash) this.#pending = { ...found, sinceMs: nowMs }
    const leftMs = this.#pending.sinceMs + (found.isEmpty ? emptySettleMs : settleMs) - nowMs
    if (leftMs > 0) return leftMs
    this.#known = found.hash
    this.#pending = undefined
    await this.#services.onChange().catch(() => {})
    return undefined
  }

  async #read(): Promise<{ hash: string; isEmpty: boolean } | undefined> {
    try {
      const content = await this.#files.read(this.#file)
      this.#readProblem = undefined
      return { hash: createHash('sha256').update(content).digest('base64'), isEmpty: content.length === 0 }
    } catch (error) {
      this.#readProblem = `the file cannot be read (${codeOf(error)})`
      return undefined
    }
  }

  /** Watches the folder of the named file and that of the file which it leads to. */
  async #watchFolders(): Promise<void> {
    const real = await this.#files.realpath(this.#file).catch(() => this.#file)
    if (this.#isStopped) return
    const folders = new Set([dirname(this.#file), dirname(real)])
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watchFolder(folder)
  }

  #noteEvent(): void {
    this.#isDue = true
    // While a content settles, its timer is armed; an empty one may be over at once.
    const settles = this.#pending !== undefined && !this.#pending.isEmpty
    if (!this.#isChecking && !settles) this.#arm(0)
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = this.#files.watch(folder, () => this.#noteEvent())
      watcher.onError((error) => {
        this.#watchers.delete(folder)
        watcher.close()
        this.#watchProblem = problemOf(error)
        this.#arm(pollMs)
      })
      this.#watchers.set(folder, watcher)
      this.#watchProblem = undefined
    } catch (error) {
      this.#watchProblem = problemOf(error)
    }
  }
}

const systemFiles: WatchedFiles = {
  async read(file) {
    // Reading a pipe would wait until something writes to it.
    if (!(await stat(file)).isFile()) throw Object.assign(new Error('special'), { code: 'no regular file' })
    return readFile(file)
  },
  realpath: (file) => realpath(file),
  watch(folder, onEvent) {
    const watcher = watch(folder, { persistent: false }, onEvent)
    return {
      onError: (listener) => void watcher.on('error', listener),
      close: () => watcher.close(),
    }
  },
}

function problemOf(error: unknown): string {
  return `the system cannot watch the folder (${codeOf(error)})`
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
