import type { Transform } from 'node:stream'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'
import { headerValue, type UpstreamHead, withoutHeader } from '../../http/headers/response-headers.ts'

/** What gets a decoded answer. */
export interface DecodedSink {
  /** @returns false to wait for `resume` */
  data(chunk: Buffer): boolean
  complete(): void
  failed(error: unknown): void
  /** More of the coded answer may come. */
  drained(): void
}

/** Makes a decoder for a body that begins with this byte. */
type MakeDecoder = (first: number) => Transform

const makers: Readonly<Record<string, MakeDecoder>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
  // RFC 9110 section 8.4.1.2: some servers send the deflate stream without its zlib wrapper.
  deflate: (first) => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw()),
}

/** An answer that was compressed although the request had asked for none of it. */
export interface CodedAnswer {
  /** As if it had not been. */
  readonly head: UpstreamHead
  readonly makeDecoder: MakeDecoder
}

/**
 * Finds an answer that must be decoded to be read: some servers and proxies compress whatever is asked of them.
 * @param asked headers of the request
 * @returns undefined for an answer that is not coded, in one way that is known here, or is not to be read
 */
export function codedAnswer(head: UpstreamHead, asked: readonly string[]): CodedAnswer | undefined {
  const coding = headerValue(head.headers, 'content-encoding')
  if (coding === undefined) return undefined
  const accepted = headerValue(asked, 'accept-encoding')
  if (accepted !== undefined && accepted !== 'identity') return undefined
  const makeDecoder = makers[coding.trim().toLowerCase()]
  if (makeDecoder === undefined) return undefined
  const headers = withoutHeader(withoutHeader(head.headers, 'content-encoding'), 'content-length')
  return { head: { statusCode: head.statusCode, headers }, makeDecoder }
}

/** Decodes the body of one answer as it comes. */
export class AnswerDecoder {
  readonly #makeDecoder: MakeDecoder
  readonly #sink: DecodedSink
  #decoder: Transform | undefined

  constructor(makeDecoder: MakeDecoder, sink: DecodedSink) {
    this.#makeDecoder = makeDecoder
    this.#sink = sink
  }

  /** @returns false where the endpoint has to wait */
  push(chunk: Buffer): boolean {
    if (chunk.length === 0) return true
    this.#decoder ??= this.#start(chunk[0] ?? 0)
    // What a transport gives belongs to it until this call returns; a decoder reads it later.
    return this.#decoder.write(Buffer.from(chunk))
  }

  /** The coded body is complete. */
  end(): void {
    if (this.#decoder === undefined) this.#sink.complete()
    else this.#decoder.end()
  }

  resume(): void {
    this.#decoder?.resume()
  }

  /** Nothing more is wanted. */
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
