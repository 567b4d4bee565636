import { write } from 'node:fs'
import { Socket } from 'node:net'

/** Where finished lines go. Writing never waits and never throws: what cannot be written is dropped. */
export interface LogOutput {
  write(text: string): void
  /** Starts writing what is held back. */
  flush(): void
  /** Calls back once everything is written or cannot be. */
  whenIdle(done: () => void): void
}

/** Characters that wait at most; a reader that has stopped must not take the memory of the gateway. */
const mostPending = 8 * 1024 * 1024
/** After a failed write, for instance to a full disk, the next is tried no sooner. */
const retryMs = 1_000
/** For a terminal that another process has made non-blocking, and that is full. */
const againMs = 50

/**
 * Standard output as it is: a pipe is written without blocking, everything else through the thread pool.
 * @param minLength characters gathered before a write
 */
export function standardOutput(minLength: number): LogOutput {
  const { stdout } = process
  return stdout instanceof Socket && !stdout.isTTY ? new PipeOutput(stdout) : new FileOutput(1, minLength)
}

/** A reader may be slow, stop reading or go away. */
export class PipeOutput implements LogOutput {
  readonly #stream: Socket
  #isGone = false

  constructor(stream: Socket) {
    this.#stream = stream
    stream.on('error', () => {
      this.#isGone = true
    })
  }

  write(text: string): void {
    if (!this.#isGone && this.#stream.writableLength < mostPending) this.#stream.write(text)
  }

  flush(): void {}

  whenIdle(done: () => void): void {
    if (this.#isGone || this.#stream.writableLength === 0) done()
    else this.#stream.write('', () => done())
  }
}

/** A file, a terminal or a device by its descriptor: one write at a time, and lines are gathered meanwhile. */
export class FileOutput implements LogOutput {
  readonly #descriptor: number
  readonly #minLength: number
  #pending = ''
  #isWriting = false
  #pausedUntilMs = 0
  #idle: (() => void)[] = []

  constructor(descriptor: number, minLength: number) {
    this.#descriptor = descriptor
    this.#minLength = minLength
  }

  write(text: string): void {
    if (this.#pending.length + text.length > mostPending) return
    this.#pending += text
    if (this.#pending.length >= this.#minLength) this.flush()
  }

  flush(): void {
    if (this.#isWriting || this.#pending === '' || performance.now() < this.#pausedUntilMs) return
    const bytes = Buffer.from(this.#pending)
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
    write(this.#descriptor, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null && written < bytes.length) {
        this.#writeOut(bytes.subarray(written))
        return
      }
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeOut(bytes), againMs).unref()
        return
      }
      this.#isWriting = false
      if (error !== null) {
        // These bytes are lost; trying them again at once would fail again.
        this.#pausedUntilMs = performance.now() + retryMs
      } else if (this.#idle.length > 0 || this.#pending.length >= this.#minLength) {
        this.flush()
      }
      if (!this.#isWriting) for (const done of this.#idle.splice(0)) done()
    })
  }
}
