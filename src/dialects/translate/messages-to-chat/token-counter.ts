import type { UpstreamFetch } from '../../../endpoints/connections/fetch.ts'
import { type ChatTraits, plainChat } from '../../../endpoints/profiles/chat-shape.ts'
import type { TokenizeStyle } from '../../../endpoints/profiles/profile.ts'
import type { Endpoint } from '../../../endpoints/registry/endpoint.ts'
import { editBody, valueEdit } from '../../../kernel/json/body-edit.ts'
import type { JsonSpan } from '../../../kernel/json/body-scan.ts'
import {
  isObject,
  type JsonObject,
  listField,
  numberField,
  textField,
} from '../../../kernel/json/json-fields.ts'
import type { RoutedEndpoint } from '../../../routing/models/router.ts'
import { isMissingStatus } from '../../errors/missing.ts'
import type { Conversation } from '../../hub/contract/conversation.ts'
import { writeChatRequest } from '../../openai/chat/request/write-request.ts'
import { imageTokens, promptText } from './tokens/prompt-text.ts'

/** Source of a count: the endpoint's own count, its tokenizer, or an estimate. */
export type CountSource = 'native' | 'tokenizer' | 'estimated'

export interface TokenCount {
  readonly tokens: number
  readonly source: CountSource
  /** The endpoint that counted; undefined for an estimate. */
  readonly endpoint: Endpoint | undefined
}

export interface CountRequest {
  readonly native: NativeCount
  /** @throws GatewayError invalid_request */
  conversation(): Conversation
  /** The client's name for it. */
  readonly model: string
}

/** How endpoints with the client's API count. */
export interface NativeCount {
  /** As the client sent it. */
  readonly body: Buffer
  readonly modelSpan: JsonSpan | undefined
  /** Where an endpoint counts; undefined if it cannot. */
  pathAt(target: RoutedEndpoint): string | undefined
  /** An endpoint does not have the path. */
  lacks?(target: RoutedEndpoint, path: string): void
}

export interface TokenCounterServices {
  readonly fetch: UpstreamFetch
  /** Counts a chat request without a request to an endpoint. */
  readonly estimate: (chat: JsonObject) => Promise<number>
  readonly userAgent: string
}

/** Clients request a count before each turn, so a late one is worth less than an estimate. */
const timeoutMs = 5_000
/** llama.cpp answers with the list of all tokens. */
const maxAnswerBytes = 16 * 1024 * 1024
/** Number of endpoints tried before the counter estimates. */
const maxEndpoints = 2

/** Counts the tokens of a request: on an endpoint that can count, else by an estimate. */
export class TokenCounter {
  readonly #services: TokenCounterServices

  constructor(services: TokenCounterServices) {
    this.#services = services
  }

  /** @param candidates endpoints that have the model, best first */
  async count(request: CountRequest, candidates: readonly RoutedEndpoint[]): Promise<TokenCount> {
    const { native } = request
    const paths = new Map(candidates.map((target) => [target, native.pathAt(target)]))
    const [counting, others] = [true, false].map((counts) =>
      candidates.filter((target) => (paths.get(target) !== undefined) === counts),
    )
    const tokenizing = others?.filter(({ endpoint }) => endpoint.profile?.tokenize) ?? []
    for (const target of [...(counting ?? []), ...tokenizing].slice(0, maxEndpoints)) {
      const path = paths.get(target)
      const count = path === undefined ? this.#tokenized(request, target) : this.#native(native, target, path)
      // On any failure the next method counts.
      const tokens = await count.catch(() => undefined)
      if (tokens === undefined) continue
      return { tokens, source: path === undefined ? 'tokenizer' : 'native', endpoint: target.endpoint }
    }
    const tokens = await this.#services.estimate(
      chatRequest(request.conversation(), request.model, plainChat),
    )
    return { tokens, source: 'estimated', endpoint: undefined }
  }

  async #native(
    { body, modelSpan, lacks }: NativeCount,
    target: RoutedEndpoint,
    path: string,
  ): Promise<number | undefined> {
    const { endpoint, sentModel } = target
    const sent =
      modelSpan !== undefined && sentModel !== undefined
        ? editBody(body, [valueEdit(modelSpan, sentModel)])
        : body
    const answer = await this.#post(endpoint, path, sent, () => lacks?.(target, path))
    return isObject(answer) ? numberField(answer, 'input_tokens') : undefined
  }

  async #tokenized(
    { conversation, model }: CountRequest,
    target: RoutedEndpoint,
  ): Promise<number | undefined> {
    const { endpoint, nativeModel } = target
    const { tokenize, chat: traits } = endpoint.profile ?? {}
    if (tokenize === undefined) return undefined
    const chat = chatRequest(conversation(), nativeModel ?? model, traits ?? plainChat)
    const { images } = promptText(chat)
    const counted = await this.#countText(endpoint, tokenize.path, tokenize.style, withoutImages(chat))
    return counted === undefined ? undefined : counted + imageTokens(images)
  }

  async #countText(
    endpoint: Endpoint,
    path: string,
    style: TokenizeStyle,
    { model, messages, tools }: JsonObject,
  ): Promise<number | undefined> {
    if (style === 'messages') {
      const answer = await this.#post(endpoint, path, { model, messages, tools, add_generation_prompt: true })
      return isObject(answer) ? numberField(answer, 'count') : undefined
    }
    const templated = await this.#post(endpoint, '/apply-template', { model, messages, tools })
    const content = isObject(templated) ? textField(templated, 'prompt') : undefined
    if (content === undefined) return undefined
    const answer = await this.#post(endpoint, path, {
      model,
      content,
      add_special: true,
      parse_special: true,
    })
    return isObject(answer) && Array.isArray(answer.tokens) ? answer.tokens.length : undefined
  }

  async #post(
    endpoint: Endpoint,
    path: string,
    body: Buffer | JsonObject,
    missing?: () => void,
  ): Promise<unknown> {
    const answer = await this.#services.fetch({
      url: `${endpoint.url}${path}`,
      headers: [
        'Content-Type',
        'application/json',
        'anthropic-version',
        '2023-06-01',
        'User-Agent',
        this.#services.userAgent,
        ...endpoint.headers,
      ],
      timeoutMs,
      maxBytes: maxAnswerBytes,
      body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
    })
    if (isMissingStatus(answer.statusCode)) missing?.()
    return answer.statusCode === 200 ? JSON.parse(answer.body.toString('utf8')) : undefined
  }
}

function chatRequest(conversation: Conversation, model: string, traits: ChatTraits): JsonObject {
  return writeChatRequest(conversation, { model, traits }).body
}

/** Tokenizers only support text. */
function withoutImages(chat: JsonObject): JsonObject {
  const messages = listField(chat, 'messages').map((message) => {
    if (!isObject(message) || !Array.isArray(message.content)) return message
    const texts = message.content.flatMap((part: unknown) =>
      isObject(part) ? (textField(part, 'text') ?? []) : [],
    )
    return { ...message, content: texts.join('\n\n') }
  })
  return { ...chat, messages }
}
