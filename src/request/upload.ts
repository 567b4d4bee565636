import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { GatewayError } from '../errors.ts'
import { MultipartScanner } from './multipart.ts'

/** Bytes of an upload that stay in memory; beyond, it goes to a file. */
const memoryBytes = 1_048_576

/**
 * A form on its way to an endpoint: it can be sent again to another one, and a large one lies in a temporary
 * file instead of memory.
 */
export class Upload {
  readonly model: string | undefined
  readonly bytes: number
  readonly #buffer: Buffer | undefined
  readonly #folder: string | undefined

  constructor(model: string | undefined, bytes: number, content: { buffer: Buffer } | { folder: string }) {
    this.model = model
    this.bytes = bytes
    this.#buffer = 'buffer' in content ? content.buffer : undefined
    this.#folder = 'folder' in content ? content.folder : undefined
  }

  /** The form from its beginning, each time. A file that cannot be read is an error of the stream, perhaps early. */
  open(): Buffer | Readable {
    if (this.#buffer !== undefined) return this.#buffer
    // It may fail before anybody has begun to read, while a connection is being made, or when nobody will.
    return createReadStream(fileIn(this.#folder ?? '')).on('error', ignore)
  }

  async dispose(): Promise<void> {
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }
}

function ignore(): void {}

function fileIn(folder: string): string {
  return join(folder, 'body')
}

/**
 * Receives a form and finds its `model` on the way.
 * @param maxBytes a larger form is refused
 * @throws GatewayError payload_too_large
 */
export async function receiveUpload(
  payload: Readable,
  contentType: string,
  maxBytes: number,
): Promise<Upload> {
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
      if (file === undefined && bytes <= memoryBytes) {
        chunks.push(chunk)
        continue
      }
      if (file === undefined) {
        folder = await mkdtemp(join(tmpdir(), 'olla-gateway-upload-'))
        // Each write tells of its own errors; an event without a listener would end the process.
        file = createWriteStream(fileIn(folder), { mode: 0o600 }).on('error', ignore)
        for (const early of chunks) await write(file, early)
        chunks = []
      }
      await write(file, chunk)
    }
    if (file === undefined || folder === undefined) {
      return new Upload(scanner.value, bytes, { buffer: Buffer.concat(chunks, bytes) })
    }
    await end(file)
    return new Upload(scanner.value, bytes, { folder })
  } catch (error) {
    file?.destroy()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    throw error
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
