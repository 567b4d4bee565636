import { stat } from 'node:fs/promises'
import type { Clock } from '../../kernel/clock.ts'

/** What changes whenever a file is written or replaced. */
export interface FileStamp {
  /** Epoch milliseconds. */
  readonly modifiedMs: number
  readonly bytes: number
  /** Of the file that the name leads to now. */
  readonly identity: string
  /** Set if it is a pipe or another special file, whose contents can be read once or not at all. */
  readonly isSpecial?: boolean
}

export interface RestingFile {
  /** Equal as long as the file is not written or replaced; '' if there is none. */
  readonly stamp: string
  readonly isEmpty: boolean
  /** It is a pipe or another special file. */
  readonly isSpecial: boolean
  /** Milliseconds for which it has been as it is, at least. */
  readonly restMs: number
}

type ReadStamp = (file: string) => Promise<FileStamp | undefined>

/** How long a file has not been written: programs write a file in several steps, and may empty it first. */
export class FileRest {
  readonly #file: string
  readonly #clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly #read: ReadStamp
  #seen: { readonly stamp: string; readonly sinceMs: number } | undefined

  /** @param read default: from the file system */
  constructor(file: string, clock: Pick<Clock, 'nowMs' | 'monotonicMs'>, read: ReadStamp = readStamp) {
    this.#file = file
    this.#clock = clock
    this.#read = read
  }

  async look(): Promise<RestingFile> {
    const found = await this.#read(this.#file)
    const stamp = found === undefined ? '' : `${found.identity} ${found.bytes} ${found.modifiedMs}`
    const nowMs = this.#clock.monotonicMs()
    if (this.#seen?.stamp !== stamp) this.#seen = { stamp, sinceMs: nowMs }
    const seenMs = nowMs - this.#seen.sinceMs
    // The clock of a file server may be another one: what was seen here counts in any case.
    const ageMs = found === undefined ? 0 : this.#clock.nowMs() - found.modifiedMs
    const restMs = Math.max(seenMs, ageMs)
    return { stamp, isEmpty: found?.bytes === 0, isSpecial: found?.isSpecial === true, restMs }
  }
}

async function readStamp(file: string): Promise<FileStamp | undefined> {
  try {
    const found = await stat(file)
    const { mtimeMs, size, ino, dev } = found
    const isSpecial = !found.isFile() && !found.isDirectory()
    return { modifiedMs: mtimeMs, bytes: size, identity: `${dev}:${ino}`, isSpecial }
  } catch {
    return undefined
  }
}
