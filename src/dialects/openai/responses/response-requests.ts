import { GatewayError } from '../../../kernel/errors.ts'
import type { BodyKeys } from '../../../kernel/json/body-scan.ts'
import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import type { EndedAnswer, Format, FormatCall } from '../../hub/format.ts'
import { parseRequest } from '../../hub/parts/request-body.ts'
import { refuse } from '../chat/request/field-values.ts'
import { answerBackground, followed, type RunPlace } from './background/background-requests.ts'
import { type BackgroundRun, itemIdsOf } from './background/background-run.ts'
import { type BackgroundParts, BackgroundRuns, type Launch } from './background/background-runs.ts'
import {
  answerConversation,
  type ConversationParts,
  conversationPath,
  keptItems,
} from './conversations/conversation-requests.ts'
import type { ConversationTurns } from './conversations/conversation-turns.ts'
import { conversationFull, conversationLocked } from './request/unknown-state.ts'
import { EventAnswer } from './store/event-answer.ts'
import { isOwnId } from './store/own-ids.ts'
import { ownedStores } from './store/owned-stores.ts'
import { isKept, mayRepeat, repeated } from './store/passed-responses.ts'
import {
  conversationOf,
  type ExpandedRequest,
  expandRequest,
  isStored,
  itemsOf,
  type KeptResponse,
  outputOf,
  ownBytes,
  parsedText,
  type ResponseStores,
} from './store/stored.ts'
import { answerStored, type ResponsePath, responsePath, unknownResponse } from './store/stored-views.ts'

/** A request about a response or a conversation. */
export interface StateCall {
  readonly method: string
  /** As requested from endpoints. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly body: Buffer | undefined
  /** Name of the caller; undefined if the gateway does not know it. */
  readonly caller: string | undefined
}

export interface ResponseRequestsParts extends ConversationParts {
  readonly stores: ResponseStores
  /** Maximum size of a request with what it refers to. */
  readonly maxRequestBytes: number
  readonly background: Pick<BackgroundParts, 'clock' | 'peers' | 'maxRuns' | 'maxBytes'>
  /** Undefined if responses of one conversation need not follow one another. */
  readonly turns?: ConversationTurns | undefined
  /** Responses that other replicas make in the background. */
  readonly remoteRuns?: RunPlace | undefined
  /** Receives the failures of the stores. */
  onError(error: unknown): void
}

/** A request with what it refers to. */
export interface PreparedRequest extends ExpandedRequest {
  /** Whether the client does not wait for the response. */
  readonly isBackground?: boolean
  /** Lets the next response of the conversation begin, once this one has been added to it. */
  readonly endTurn?: (() => void) | undefined
}

/** Node searches for up to this many bytes with a loop that is four times as fast as its search for more. */
const fastSearchBytes = 7
const beginning = (text: string): Buffer => Buffer.from(text.slice(0, fastSearchBytes))
/** How the members of a request begin that concern something stored. */
const storedMembers = ['"previous_response_id"', '"conversation"', '"background"'].map(beginning)
/**
 * What such items contain: `item_reference`, `compaction_trigger`, and `encrypted_content` of a `compaction`. A search for
 * what begins with an underscore takes a microsecond per 100 KB, one for a quotation mark thirty.
 */
const storedItems = ['_reference"', '_trigger"'].map(beginning)
const sealedContent = beginning('_content"')
const compaction = beginning('"compaction"')

/** Requests to the Responses API that concern responses and conversations of the stores. */
export class ResponseRequests {
  readonly #parts: ResponseRequestsParts

  readonly #runs: BackgroundRuns
  /** Conversations to which this thread is adding a response. */
  readonly #appends = new Map<string, Promise<void>>()

  constructor(parts: ResponseRequestsParts) {
    this.#parts = parts
    this.#runs = new BackgroundRuns({ ...parts, ...parts.background, keep: (run) => this.#keepRun(run) })
  }

  get newId(): (prefix: string) => string {
    return this.#parts.newId
  }

  get nowMs(): () => number {
    return this.#parts.nowMs
  }

  /** Serves the other threads. @returns a function that ends it */
  listen(): () => void {
    const ends = [this.#runs.listen(), this.#parts.turns?.listen()]
    return () => {
      for (const end of ends) end?.()
    }
  }

  /**
   * Adds what a request refers to.
   * @param isNext whether the response will be added to its conversation, so that it must wait for the one before
   * @param keys of the body, if they have been read
   * @returns undefined if it certainly refers to nothing; a promise of undefined if the stores do not have it
   */
  expand(
    body: Buffer,
    caller?: string,
    isNext = false,
    keys?: Pick<BodyKeys, 'stored'>,
  ): Promise<PreparedRequest | undefined> | undefined {
    // Most requests refer to nothing: a byte search finds that out without parsing the body.
    const hasMember = keys?.stored ?? contains(body, storedMembers)
    if (!hasMember && !mayHaveStoredItems(body)) return undefined
    const request = parsed(body)
    if (request === undefined) return undefined
    const expanded = isNext ? this.#inTurn(request, caller) : expandRequest(request, this.#owned(caller))
    if (!this.#isBackground(request)) return expanded
    if (!isStored(request)) refuse('background', 'requires `store`')
    const own = { ...request, input: itemsOf(request.input) }
    return expanded.then((found) => ({ whole: own, own, ...found, isBackground: true }))
  }

  async #inTurn(request: JsonObject, caller: string | undefined): Promise<PreparedRequest | undefined> {
    const { turns } = this.#parts
    const id = conversationOf(request)
    if (turns === undefined || id === undefined) return expandRequest(request, this.#owned(caller))
    const end = await turns.take(turnKey(id, caller))
    if (end === undefined) throw conversationLocked()
    try {
      const found = await expandRequest(request, this.#owned(caller))
      if (found === undefined) end()
      return found && { ...found, endTurn: () => this.#afterAppend(id, caller, end) }
    } catch (error) {
      end()
      throw error
    }
  }

  #afterAppend(id: string, caller: string | undefined, end: () => void): void {
    const appended = this.#appends.get(turnKey(id, caller))
    if (appended === undefined) end()
    else appended.then(end, end)
  }

  #isBackground({ background }: JsonObject): boolean {
    return background === true && this.#parts.background.maxRuns > 0
  }

  /**
   * Starts a response in the background.
   * @param launch sends its request
   * @returns the response as it begins, or its events
   * @throws GatewayError if there are too many, or if the gateway refuses the request at once
   */
  start(
    { whole, own, endTurn }: PreparedRequest,
    caller: string | undefined,
    launch: Launch,
  ): JsonObject | EventAnswer {
    const run = this.#startRun({ whole, own, endTurn }, caller, launch)
    if (own.stream !== true) return run.response
    const { responses } = this.#owned(caller)
    return new EventAnswer(followed(this.#runs, { id: run.id, owner: caller, responses }, -1))
  }

  /** The conversation's next response waits until this one is over. */
  #startRun(
    { whole, own, endTurn }: PreparedRequest,
    caller: string | undefined,
    launch: Launch,
  ): BackgroundRun {
    const { background: _, ...request } = whole
    try {
      // The gateway stores it itself, whole.
      const body = this.bodyOf({ whole: { ...request, stream: true, store: false } })
      return this.#runs.start({ own, body, owner: caller, whenOver: endTurn }, launch)
    } catch (error) {
      endTurn?.()
      throw error
    }
  }

  /** Ends the responses in the background, so that those who read them learn why. */
  close(): Promise<void> {
    return this.#runs.close()
  }

  /** A thread has ended: its responses no longer keep others waiting. */
  threadEnded(thread: number): void {
    this.#parts.turns?.threadEnded(thread)
  }

  /**
   * The body of a request with what it refers to.
   * @throws GatewayError payload_too_large
   */
  bodyOf({ whole }: Pick<ExpandedRequest, 'whole'>): Buffer {
    const body = Buffer.from(JSON.stringify(whole))
    const { maxRequestBytes } = this.#parts
    if (body.length <= maxRequestBytes) return body
    throw new GatewayError(
      'payload_too_large',
      `The request has ${body.length} bytes with the conversation that it continues; the maximum is ${maxRequestBytes}.`,
    )
  }

  /**
   * Answers a request about something stored.
   * @returns undefined if the path is none of the stores'; a promise of undefined if they do not have it
   * @throws GatewayError invalid_json, invalid_request
   */
  answer(call: StateCall): Promise<JsonObject | EventAnswer | undefined> | undefined {
    const { method, path, query, body, caller } = call
    const response = responsePath(path)
    if (response !== undefined) return this.#answerResponse(response, call)
    const conversation = conversationPath(path)
    if (conversation === undefined) return undefined
    const parsedCall = { method, query, body: body === undefined ? undefined : parseRequest(body) }
    return answerConversation(this.#owned(caller).conversations, conversation, parsedCall, this.#parts)
  }

  async #answerResponse(
    found: ResponsePath,
    { method, query, caller }: StateCall,
  ): Promise<JsonObject | EventAnswer | undefined> {
    const { responses } = this.#owned(caller)
    const run = { id: found.id, owner: caller, responses }
    const { background, remoteRuns } = this.#parts
    const answerFrom = (place: RunPlace) => answerBackground(place, run, method, found.part, query)
    const own = background.maxRuns > 0 ? await answerFrom(this.#runs) : undefined
    const kept = own ?? (await answerStored(responses, method, found, query))
    if (kept !== undefined || remoteRuns === undefined || !isOwnId(found.id)) return kept
    // A response that has ended meanwhile is in the store now.
    return (await answerFrom(remoteRuns)) ?? answerStored(responses, method, found, query)
  }

  /** The error of a request about a response that no endpoint and no store has. */
  errorFor(path: string, error: unknown): unknown {
    if (!(error instanceof GatewayError) || error.code !== 'path_not_served') return error
    const response = responsePath(path)
    return response === undefined ? error : unknownResponse(response.id)
  }

  /**
   * Where the answer to a request is stored; undefined if it is not.
   * @param request without its long texts if `body` is given
   * @param body the request as the client sent it, to be stored instead
   */
  readonly storeFor = (
    format: Pick<Format, 'name'>,
    request: JsonObject,
    caller: string | undefined,
    body?: Buffer,
  ): FormatCall['store'] => {
    if (format.name !== 'responses') return undefined
    const conversationId = conversationOf(request)
    const previousId = textField(request, 'previous_response_id')
    const keeps = isStored(request)
    if (!keeps && conversationId === undefined) return undefined
    return (answer) => {
      const bytes = () => (body === undefined ? ownBytes(JSON.stringify(request)) : new Uint8Array(body))
      const kept = keeps ? this.#put({ previousId, request: bytes() }, answer, caller) : undefined
      const whole = () => (body === undefined ? request : parseRequest(body))
      const added = conversationId && this.#appended(conversationId, whole(), answer, caller)
      Promise.all([kept, added]).catch((error: unknown) => this.#parts.onError(error))
    }
  }

  /**
   * Where the response of an endpoint that keeps none is stored, if its answer passes through.
   * @param body the client's request
   * @returns undefined if it is not stored: the client forbids it, or it continues what only the endpoint may have
   */
  readonly keepPassed = (body: Buffer, caller: string | undefined): FormatCall['store'] => {
    if (!isKept(body)) return undefined
    return (answer) => {
      const kept = { previousId: undefined, request: new Uint8Array(body) }
      this.#put(kept, answer, caller).catch((error: unknown) => this.#parts.onError(error))
    }
  }

  async #keepRun(run: BackgroundRun): Promise<void> {
    const { request, response, events, owner } = run
    const answer = { id: run.id, text: JSON.stringify(response), itemIds: itemIdsOf(response) }
    const conversationId = conversationOf(request)
    try {
      const previousId = textField(request, 'previous_response_id')
      const asked = { previousId, request: ownBytes(JSON.stringify(request)) }
      await this.#put(events === undefined ? asked : { ...asked, events: ownBytes(events) }, answer, owner)
      if (conversationId !== undefined) await this.#append(conversationId, request, answer, owner)
    } catch (error) {
      this.#parts.onError(error)
    }
  }

  async #put(
    asked: Pick<KeptResponse, 'previousId' | 'request' | 'events'>,
    answer: EndedAnswer,
    caller: string | undefined,
  ): Promise<void> {
    const { id, text, itemIds } = answer
    const { responses } = this.#parts.stores
    if (mayRepeat(answer)) {
      const others = await repeated(answer, responses)
      // A client could mean either of two responses with one ID.
      for (const other of others) await responses.delete(other.id)
      if (others.length > 0) return
    }
    await this.#owned(caller).responses.put({ ...asked, id, itemIds, response: ownBytes(text) })
  }

  async #appended(
    conversationId: string,
    request: JsonObject,
    answer: EndedAnswer,
    caller: string | undefined,
  ): Promise<void> {
    const key = turnKey(conversationId, caller)
    const added = this.#append(conversationId, request, answer, caller)
    this.#appends.set(key, added)
    try {
      await added
    } finally {
      if (this.#appends.get(key) === added) this.#appends.delete(key)
    }
  }

  /** Adds the input and output of a response to its conversation. */
  async #append(
    conversationId: string,
    request: JsonObject,
    { text }: EndedAnswer,
    caller: string | undefined,
  ): Promise<void> {
    const response = parsedText(Buffer.from(text))
    if (response.status !== 'completed' && response.status !== 'incomplete') return
    const items = [...itemsOf(request.input).filter(isObject), ...outputOf(response)]
    const added = keptItems(items, this.#parts.newId)
    const { conversations } = this.#owned(caller)
    if ((await conversations.change(conversationId, { added })) !== undefined) return
    // Its client may have deleted it.
    if ((await conversations.get(conversationId)) !== undefined) throw conversationFull(conversationId)
  }

  #owned(caller: string | undefined): ResponseStores {
    return ownedStores(this.#parts.stores, caller)
  }
}

function mayHaveStoredItems(body: Buffer): boolean {
  return contains(body, storedItems) || (body.includes(sealedContent) && body.includes(compaction))
}

function contains(body: Buffer, texts: readonly Buffer[]): boolean {
  for (const text of texts) if (body.includes(text)) return true
  return false
}

function turnKey(conversationId: string, caller: string | undefined): string {
  return `${caller ?? ''}\n${conversationId}`
}

/** @returns undefined if the body is no request; reading it again reports why */
function parsed(body: Buffer): JsonObject | undefined {
  try {
    return parseRequest(body)
  } catch {
    return undefined
  }
}
