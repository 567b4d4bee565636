import type { KeySource } from '../../config/schema/key-sources.ts'
import { headerValue } from '../../http/headers/response-headers.ts'
import { memberSpans } from '../../kernel/json/body-members.ts'
import { type JsonSpan, quote } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import { withoutKeys } from '../../kernel/names/key-like.ts'
import { ContentHash } from './content-hash.ts'
import { type PrefixChain, prefixChain } from './prefix-chain.ts'

/** The parts of a request that can contain a session key. */
export interface SessionRequest {
  /** The client's headers as flat name/value pairs. */
  readonly rawHeaders: readonly string[]
  /** Path on the endpoint. */
  readonly path: string
  readonly body: Buffer | undefined
  readonly model: string | undefined
  /** Caller according to the host. */
  readonly caller?: string | undefined
  readonly clientAddress: string
}

/** Identifies the session of a request. */
export interface SessionKey {
  readonly source: KeySource
  /** Key of the session, or of the conversation up to this request. */
  readonly key: number
  /** Only for `prefix_hash`. */
  readonly chain: PrefixChain | undefined
  /** Only for `session_header`: the value that the client sent. */
  readonly sessionId: string | undefined
}

export interface SessionKeyOptions {
  /** In order of precedence. */
  readonly sources: readonly KeySource[]
  /** Block size for prompts without turns. */
  readonly blockBytes: number
}

/** Longer session IDs work but do not appear in the answer or in logs: clients refuse long headers. */
const maxShownIdLength = 512

/** Top-level keys that sources read, with their index in the list of spans. */
const places = {
  tools: 0,
  system: 1,
  instructions: 2,
  messages: 3,
  prompt: 4,
  input: 5,
  user: 6,
  prompt_cache_key: 7,
  previous_response_id: 8,
  metadata: 9,
} as const
const bodyPlaces = new KeyNames<number>(Object.entries(places))
const userIdPlace = new KeyNames<number>([['user_id', 0]])

type Spans = readonly (JsonSpan | undefined)[]
const noSpans: Spans = []

/** Reads session keys from the bytes of requests. */
export class SessionKeys {
  readonly options: SessionKeyOptions
  readonly #hash = new ContentHash()

  constructor(options: SessionKeyOptions) {
    this.options = options
  }

  /**
   * @param isKnown whether a session exists: only responses created through this gateway have one
   * @returns undefined if no source has a key
   */
  read(request: SessionRequest, isKnown: (key: number) => boolean): SessionKey | undefined {
    let spans: Spans | undefined
    const model = request.model?.toLowerCase() ?? ''
    for (const source of this.options.sources) {
      if (needsBody(source)) spans ??= readSpans(request.body)
      const key = this.#from(source, request, model, spans ?? noSpans)
      if (key === undefined) continue
      if (source === 'previous_response_id' && !isKnown(key.key)) continue
      return key
    }
    return undefined
  }

  /** The key under which later requests refer to a response. */
  responseKey(id: Buffer): number {
    return this.#hash.restart().text('previous_response_id').bytes(id, 0, id.length).key()
  }

  #from(source: KeySource, request: SessionRequest, model: string, spans: Spans): SessionKey | undefined {
    switch (source) {
      case 'session_header': {
        const id = headerValue(request.rawHeaders, 'x-olla-session-id')?.trim()
        const isShown = id !== undefined && id.length <= maxShownIdLength
        return this.#ofText(source, id, model, isShown ? withoutKeys(id) : undefined)
      }
      case 'previous_response_id':
        return this.#ofResponse(request, spans)
      case 'prompt_cache_key':
      case 'user':
        return this.#ofBytes(source, request.body, spans[places[source]], model)
      case 'metadata_user_id':
        return this.#ofMetadata(request.body, spans[places.metadata], model)
      case 'prefix_hash':
        return this.#ofPrompt(request, model, spans)
      case 'auth_header': {
        const { rawHeaders, caller } = request
        const credentials =
          caller ?? headerValue(rawHeaders, 'authorization') ?? headerValue(rawHeaders, 'x-api-key')
        return this.#ofText(source, credentials, model)
      }
      case 'ip':
        return this.#ofText(source, request.clientAddress, model)
    }
  }

  #ofText(
    source: KeySource,
    text: string | undefined,
    model: string,
    sessionId?: string,
  ): SessionKey | undefined {
    if (text === undefined || text === '') return undefined
    const key = this.#hash.restart().text(source).text(model).text(text).key()
    return { source, key, chain: undefined, sessionId }
  }

  #ofBytes(
    source: KeySource,
    body: Buffer | undefined,
    span: JsonSpan | undefined,
    model: string,
  ): SessionKey | undefined {
    if (body === undefined || !isText(body, span)) return undefined
    const hash = this.#hash.restart().text(source).text(model)
    const key = hash.bytes(body, span.start + 1, span.end - 1).key()
    return { source, key, chain: undefined, sessionId: undefined }
  }

  #ofMetadata(body: Buffer | undefined, span: JsonSpan | undefined, model: string): SessionKey | undefined {
    if (body === undefined || span === undefined) return undefined
    const metadata = body.subarray(span.start, span.end)
    return this.#ofBytes('metadata_user_id', metadata, memberSpans(metadata, userIdPlace)?.[0], model)
  }

  /** Independent of the model: only the endpoint that stores the response can continue it. */
  #ofResponse({ body, path }: SessionRequest, spans: Spans): SessionKey | undefined {
    const span = spans[places.previous_response_id]
    const inPath = body === undefined ? /\/responses\/([^/?]+)/.exec(path)?.[1] : undefined
    const id =
      inPath !== undefined
        ? Buffer.from(inPath)
        : body !== undefined && isText(body, span)
          ? body.subarray(span.start + 1, span.end - 1)
          : undefined
    if (id === undefined) return undefined
    return {
      source: 'previous_response_id',
      key: this.responseKey(id),
      chain: undefined,
      sessionId: undefined,
    }
  }

  #ofPrompt({ body, path }: SessionRequest, model: string, spans: Spans): SessionKey | undefined {
    if (body === undefined) return undefined
    // The `input` of embeddings cannot be continued.
    const input = path.endsWith('/responses') ? spans[places.input] : undefined
    const chain = prefixChain(
      body,
      {
        tools: spans[places.tools],
        system: spans[places.system],
        instructions: spans[places.instructions],
        messages: spans[places.messages] ?? input,
        prompt: spans[places.prompt],
      },
      this.#hash.restart().text('prefix_hash').text(model),
      this.options.blockBytes,
    )
    const key = chain?.keys.at(-1)
    return key === undefined ? undefined : { source: 'prefix_hash', key, chain, sessionId: undefined }
  }
}

function needsBody(source: KeySource): boolean {
  return source !== 'session_header' && source !== 'auth_header' && source !== 'ip'
}

function readSpans(body: Buffer | undefined): Spans {
  return body === undefined ? noSpans : (memberSpans(body, bodyPlaces) ?? noSpans)
}

/** Whether the span is a nonempty JSON string. */
function isText(body: Buffer, span: JsonSpan | undefined): span is JsonSpan {
  return span !== undefined && body[span.start] === quote && span.end - span.start > 2
}
