import type { Transform } from 'node:stream'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'
import { headerValue, type UpstreamHead, withoutHeader } from '../../http/headers/response-headers.ts'

/** Receives a decoded answer. */
export interface DecodedSink {
  /** @returns false to wait for `resume` */
  data(chunk: Buffer): boolean
  complete(): void
  failed(error: unknown): void
  /** The decoder is ready for more of the encoded answer. */
  drained(): void
}

/** Creates a decoder for a body that starts with this byte. */
type MakeDecoder = (first: number) => Transform

const makers: Readonly<Record<string, MakeDecoder>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
  // RFC 9110 section 8.4.1.2: some servers send the deflate stream without its zlib wrapper.
  deflate: (first) => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw()),
}

/** An answer that was compressed although the request did not accept any coding. */
export interface CodedAnswer {
  /** The head without the coding. */
  readonly head: UpstreamHead
  readonly makeDecoder: MakeDecoder
}

/**
 * Detects an answer that must be decoded to be read: some servers and proxies compress whatever the request accepts.
 * @param asked headers of the request
 * @returns undefined if the answer is not encoded, its coding is unknown, or the client accepts codings
 */
export function codedAnswer(head: UpstreamHead, requestHeaders: readonly string[]): CodedAnswer | undefined {
  const coding = headerValue(head.headers, 'content-encoding')
  if (coding === undefined) return undefined
  const accepted = headerValue(requestHeaders, 'accept-encoding')
  if (accepted !== undefined && accepted !== 'identity') return undefined
  const makeDecoder = makers[coding.trim().toLowerCase()]
  if (makeDecoder === undefined) return undefined
  const headers = withoutHeader(withoutHeader(head.headers, 'content-encoding'), 'content-length')
  return { head: { statusCode: head.statusCode, headers }, makeDecoder }
}

/** Decodes the body of one answer as it arrives. */
export class AnswerDecoder {
  readonly #makeDecoder: MakeDecoder
  readonly #sink: DecodedSink
  #decoder: Transform | undefined

  constructor(makeDecoder: MakeDecoder, sink: DecodedSink) {
    this.#makeDecoder = makeDecoder
    this.#sink = sink
  }

  /** @returns false if the endpoint has to wait */
  push(chunk: Buffer): boolean {
    if (chunk.length === 0) return true
    this.#decoder ??= this.#start(chunk[0] ?? 0)
    // The transport may reuse the chunk after this call; a decoder reads it later.
    return this.#decoder.write(Buffer.from(chunk))
  }

  /** The encoded body is complete. */
  end(): void {
    if (this.#decoder === undefined) this.#sink.complete()
    else this.#decoder.end()
  }

  resume(): void {
    this.#decoder?.resume()
  }

  /** Discards the rest of the answer. */
  stop(): void {
    this.#decoder?.destroy()
  }

  #start(first: number): Transform {
    const decoder = this.#makeDecoder(first)
    const sink = this.#sink
    decoder.on('data', (chunk: Buffer) => {
      if (!sink.data(chunk)) decoder.pause()
    })
    decoder.on('end', () => sink.complete())
    decoder.on('error', (error) => sink.failed(error))
    decoder.on('drain', () => sink.drained())
    return decoder
  }
}
