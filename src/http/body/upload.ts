import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { mkdtemp, rmdir, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { GatewayError } from '../../kernel/errors.ts'
import type { BufferBudget, BufferHold } from '../../kernel/memory/buffer-budget.ts'
import { decodeBody, toCodingError } from './content-coding.ts'
import type { FieldSpan } from './form-fields.ts'
import { MultipartScanner } from './multipart.ts'

/** Maximum bytes of an upload in memory; a larger upload goes to a temporary file. */
const memoryBytes = 1_048_576

/** A form in the shape in which the gateway sends it. */
export interface SentForm {
  readonly bytes: number
  /**
   * Returns the form from its first byte on each call. A file that cannot be read is an error of the stream, which may
   * occur before anything reads it.
   */
  open(): Buffer | Readable
}

/**
 * A form on its way to an endpoint. The gateway can send it again to another endpoint, and keeps a large form in a
 * temporary file instead of memory.
 */
export class Upload implements SentForm {
  readonly model: string | undefined
  readonly bytes: number
  readonly #buffer: Buffer | undefined
  readonly #folder: string | undefined
  /** The part of the memory budget for bodies that this form holds. */
  readonly #hold: BufferHold | undefined
  readonly #modelSpan: FieldSpan | undefined

  constructor(
    model: string | undefined,
    bytes: number,
    content: { buffer: Buffer; hold?: BufferHold } | { folder: string },
    modelSpan?: FieldSpan,
  ) {
    this.model = model
    this.bytes = bytes
    this.#modelSpan = modelSpan
    this.#buffer = 'buffer' in content ? content.buffer : undefined
    this.#folder = 'folder' in content ? content.folder : undefined
    this.#hold = 'hold' in content ? content.hold : undefined
  }

  open(): Buffer | Readable {
    if (this.#buffer !== undefined) return this.#buffer
    // The stream may fail before reading starts, while the client still connects, or when nothing will read it.
    return createReadStream(fileIn(this.#folder ?? '')).on('error', ignore)
  }

  /** Whether a field of the form names the model. */
  get namesModel(): boolean {
    return this.#modelSpan !== undefined
  }

  /** Returns the form with another model name and all other bytes unchanged; the form itself if it names no model. */
  renamed(model: string): SentForm {
    const span = this.#modelSpan
    if (span === undefined) return this
    const name = Buffer.from(model)
    const bytes = this.bytes - (span.end - span.start) + name.length
    const buffer = this.#buffer
    if (buffer !== undefined) {
      const parts = [buffer.subarray(0, span.start), name, buffer.subarray(span.end)]
      return { bytes, open: () => Buffer.concat(parts, bytes) }
    }
    const file = fileIn(this.#folder ?? '')
    return {
      bytes,
      open: () => Readable.from(replaced(file, span, name), { objectMode: false }).on('error', ignore),
    }
  }

  /** Never rejects: if a file cannot be removed now, the system cleans it up. */
  async dispose(): Promise<void> {
    this.#hold?.release()
    if (this.#folder !== undefined) await remove(this.#folder)
  }
}

function ignore(): void {}

/** Reads a file with one range replaced. */
async function* replaced(file: string, { start, end }: FieldSpan, bytes: Buffer): AsyncGenerator<Buffer> {
  if (start > 0) yield* createReadStream(file, { end: start - 1 })
  yield bytes
  yield* createReadStream(file, { start: end })
}

/** Unlike `rm`, does not read the folder, which fails if the process has no descriptor left. */
async function remove(folder: string): Promise<void> {
  await unlink(fileIn(folder)).catch(ignore)
  await rmdir(folder).catch(ignore)
}

function fileIn(folder: string): string {
  return join(folder, 'body')
}

/**
 * Receives a form and finds its `model` field while the bytes pass through.
 * @param maxBytes the gateway rejects larger forms
 * @param budget for the bytes in memory; if it is exhausted, the form goes to a file early
 * @throws GatewayError payload_too_large
 */
export async function receiveUpload(
  payload: Readable,
  contentType: string,
  maxBytes: number,
  budget: BufferBudget,
): Promise<Upload> {
  const hold = budget.open()
  const scanner = new MultipartScanner(contentType, 'model')
  let chunks: Buffer[] = []
  let bytes = 0
  let folder: string | undefined
  let file: WriteStream | undefined
  try {
    for await (const chunk of payload as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new GatewayError('payload_too_large')
      scanner.push(chunk)
      if (file === undefined && bytes <= memoryBytes && hold.tryTake(chunk.length)) {
        chunks.push(chunk)
        continue
      }
      if (file === undefined) {
        folder = await mkdtemp(join(tmpdir(), 'olla-gateway-upload-'))
        // Each write reports its own errors; an `error` event without a listener would end the process.
        file = createWriteStream(fileIn(folder), { mode: 0o600 }).on('error', ignore)
        for (const early of chunks) await write(file, early)
        chunks = []
        hold.release()
      }
      await write(file, chunk)
    }
    if (file === undefined || folder === undefined) {
      return new Upload(scanner.value, bytes, { buffer: Buffer.concat(chunks, bytes), hold }, scanner.span)
    }
    await end(file)
    return new Upload(scanner.value, bytes, { folder }, scanner.span)
  } catch (error) {
    hold.release()
    file?.destroy()
    if (folder !== undefined) await remove(folder)
    throw error
  }
}

/**
 * Receives and decodes a form; the limit applies to the decoded form.
 * @param codings result of `readCodings`; at least one
 * @throws GatewayError payload_too_large, invalid_request
 */
export async function receiveDecodedUpload(
  payload: Readable,
  codings: readonly string[],
  contentType: string,
  maxBytes: number,
  budget: BufferBudget,
): Promise<Upload> {
  const { stream, stop } = decodeBody(payload, codings)
  try {
    return await receiveUpload(stream, contentType, maxBytes, budget)
  } catch (error) {
    stop()
    throw error instanceof Error ? toCodingError(error) : error
  }
}

function write(file: WriteStream, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    file.write(chunk, (error) => (error ? reject(error) : resolve()))
  })
}

function end(file: WriteStream): Promise<void> {
  return new Promise((resolve, reject) => {
    file.once('error', reject)
    file.end(resolve)
  })
}
