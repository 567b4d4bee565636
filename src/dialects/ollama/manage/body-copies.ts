import { Readable } from 'node:stream'
import type { Clock, Timer } from '../../../kernel/clock.ts'

/** One reader of a body that several endpoints get. */
export interface BodyCopy {
  readonly stream: Readable
  /** Called once, when the last byte has been read. */
  onRead(): void
  /** The reader has read nothing for the whole limit, and kept the others waiting. */
  onStalled(): void
}

export interface CopyOptions {
  readonly clock: Pick<Clock, 'after'>
  /** Time for which one reader may keep the others waiting; 0 means no limit. */
  readonly stallMs: number
}

/**
 * Copies a body to several readers while it arrives. The source pauses while any reader is behind, so each holds no
 * more than its stream's buffer and one chunk.
 */
export class BodyCopies {
  readonly #source: Readable
  readonly #options: CopyOptions
  readonly #copies = new Map<Readable, BodyCopy>()
  readonly #behind = new Set<Readable>()
  #timer: Timer | undefined
  /** Bytes received so far. */
  bytes = 0

  constructor(source: Readable, options: CopyOptions) {
    this.#source = source
    this.#options = options
  }

  /** Adds a reader; only before `start`. */
  add(callbacks: Omit<BodyCopy, 'stream'>): Readable {
    const stream = new Readable({
      read: () => this.#wants(stream),
      destroy: (error, destroyed) => {
        this.#remove(stream)
        destroyed(error)
      },
    })
    // The request reports its own failure.
    stream.on('error', () => {})
    stream.once('end', () => callbacks.onRead())
    this.#copies.set(stream, { stream, ...callbacks })
    return stream
  }

  start(): void {
    const source = this.#source
    const cut = () => {
      for (const stream of [...this.#copies.keys()]) stream.destroy(new Error('the body was cut'))
    }
    source.on('data', (chunk: Buffer) => this.#push(chunk))
    source.once('error', cut)
    source.once('close', () => {
      if (!source.readableEnded) cut()
    })
    source.once('end', () => {
      for (const stream of this.#copies.keys()) stream.push(null)
    })
  }

  #push(chunk: Buffer): void {
    this.bytes += chunk.length
    for (const stream of this.#copies.keys()) if (!stream.push(chunk)) this.#behind.add(stream)
    if (this.#behind.size > 0) this.#pause()
  }

  #pause(): void {
    this.#source.pause()
    const { clock, stallMs } = this.#options
    if (stallMs === 0 || this.#timer !== undefined) return
    this.#timer = clock.after(stallMs, () => {
      this.#timer = undefined
      for (const stream of [...this.#behind]) this.#copies.get(stream)?.onStalled()
    })
  }

  #wants(stream: Readable): void {
    if (this.#behind.delete(stream)) this.#continue()
  }

  #remove(stream: Readable): void {
    this.#copies.delete(stream)
    this.#behind.delete(stream)
    this.#continue()
  }

  /** Without readers the rest of the body is dropped. */
  #continue(): void {
    if (this.#behind.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#source.isPaused()) this.#source.resume()
  }
}
