import { close, write } from 'node:fs'
import { type LogOutput, maxPending } from './log-output.ts'
import type { LostLines } from './lost-lines.ts'

/** Minimum delay after a failed write, for example to a full disk. */
const retryMs = 1_000
/** Delay for a full terminal that another process made non-blocking. */
const againMs = 50
const lineBreak = 0x0a

/** Writes to a file, terminal or device by descriptor, one write at a time, and buffers lines in the meantime. */
export class FileOutput implements LogOutput {
  readonly #minLength: number
  readonly #lost: LostLines
  #descriptor: number | undefined
  #pending = ''
  #isWriting = false
  #pausedUntilMs = 0
  #size = 0
  #next: { readonly descriptor: number | undefined; readonly size: number } | undefined
  /** Whether the last write ended inside a line. */
  #isMidLine = false
  #idle: (() => void)[] = []

  /** @param descriptor undefined loses lines until `reopen` */
  constructor(descriptor: number | undefined, minLength: number, lost: LostLines) {
    this.#descriptor = descriptor
    this.#minLength = minLength
    this.#lost = lost
  }

  /** Size of the current file, or of the next one after the running write. */
  get size(): number {
    return this.#next?.size ?? this.#size
  }

  /**
   * Switches to another file after the running write and closes the previous one.
   * @param descriptor undefined if there is none
   * @param size current size of the new file in bytes
   */
  reopen(descriptor: number | undefined, size: number): void {
    if (this.#next !== undefined) closeQuietly(this.#next.descriptor)
    this.#next = { descriptor, size }
    if (!this.#isWriting) this.#takeNext()
  }

  write(text: string): void {
    if (this.#pending.length + text.length > maxPending) {
      this.#lost.add(text)
      return
    }
    this.#pending += text
    if (this.#pending.length >= this.#minLength) this.flush()
  }

  flush(): void {
    if (this.#isWriting || this.#pending === '' || performance.now() < this.#pausedUntilMs) return
    const bytes = Buffer.from(this.#isMidLine ? `\n${this.#pending}` : this.#pending)
    this.#pending = ''
    this.#isWriting = true
    this.#writeOut(bytes)
  }

  whenIdle(done: () => void): void {
    this.#pausedUntilMs = 0
    this.flush()
    if (this.#isWriting) this.#idle.push(done)
    else done()
  }

  #writeOut(bytes: Buffer): void {
    if (this.#descriptor === undefined) {
      this.#ended(bytes)
      return
    }
    write(this.#descriptor, bytes, 0, bytes.length, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeOut(bytes), againMs).unref()
        return
      }
      if (error !== null) {
        this.#ended(bytes)
        return
      }
      this.#size += written
      this.#isMidLine = bytes[written - 1] !== lineBreak
      if (written < bytes.length) this.#writeOut(bytes.subarray(written))
      else this.#ended(undefined)
    })
  }

  /** @param rest bytes that were not written */
  #ended(rest: Buffer | undefined): void {
    this.#isWriting = false
    this.#takeNext()
    if (rest === undefined) {
      this.#lost.worked()
      if (this.#idle.length > 0 || this.#pending.length >= this.#minLength) this.flush()
    } else {
      this.#lost.add(rest)
      // An immediate retry would fail again.
      this.#pausedUntilMs = performance.now() + retryMs
    }
    if (!this.#isWriting) for (const done of this.#idle.splice(0)) done()
  }

  #takeNext(): void {
    if (this.#next === undefined) return
    closeQuietly(this.#descriptor)
    this.#descriptor = this.#next.descriptor
    this.#size = this.#next.size
    this.#next = undefined
    this.#isMidLine = false
    this.#pausedUntilMs = 0
  }
}

function closeQuietly(descriptor: number | undefined): void {
  if (descriptor !== undefined) close(descriptor, () => {})
}
