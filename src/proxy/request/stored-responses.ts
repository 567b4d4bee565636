import { cache } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { SharedCache } from '../../kernel/cells/shared-cache.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { memberSpans } from '../../kernel/json/body-members.ts'
import { type JsonSpan, openBrace, quote } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import { Remembered } from '../../kernel/remembered.ts'
import type { LearnedResponse } from '../../routing/affinity/replicated-responses.ts'
import type { RoutingOutcome } from '../../routing/models/routing.ts'
import type { RelayedAnswer, RelayObserver } from '../contract/answer-observer.ts'
import { ownerOf } from '../contract/context.ts'
import { hasResponseId, ResponseIdReader } from './response-id.ts'

/** Maximum number of stored responses whose endpoint is remembered; at least half of them are kept. */
const storedResponseCapacity = 32_768

/** The next request may reach another replica right after the answer. */
const flushMs = 5
/** Maximum responses of one message; the rest stays with this replica. */
const maxBatch = 1_000

export const storedResponseCells = cellLayout('stored-responses', () => ({
  slots: cache(storedResponseCapacity),
}))

const rememberedMs = 86_400_000
const maxIdLength = 512

const nameSpans = new KeyNames<number>([
  ['previous_response_id', 0],
  ['conversation', 1],
])
const names: readonly Buffer[] = ['"previous_response_id"', '"conversation"'].map((name) => Buffer.from(name))
const idKey = new KeyNames<number>([['id', 0]])
const idInPath = /\/(responses|conversations)\/([^/?]+)/

const paths = new Remembered<boolean>()

/** Whether a path may name a response or a conversation, or its body what it continues. */
function mayName(path: string): boolean {
  const known = paths.get(path)
  if (known !== undefined) return known
  const may = path.includes('/responses') || path.includes('/conversations')
  paths.set(path, may)
  return may
}

/**
 * Remembers which endpoint stored which response or conversation of the Responses API. No other endpoint can continue,
 * return, cancel or delete it, whatever the balancer and sessions prefer; and no caller can use those of another.
 */
export class StoredResponses {
  readonly #slots: SharedCache
  readonly #clock: Clock
  readonly #report: ((learned: readonly LearnedResponse[]) => void) | undefined
  #learned: LearnedResponse[] = []

  /** @param report receives what is learned here, for other replicas */
  constructor(
    clock: Clock,
    { slots }: CellsOf<typeof storedResponseCells>,
    report?: (learned: readonly LearnedResponse[]) => void,
  ) {
    this.#slots = slots({ ttlMs: rememberedMs, clock })
    this.#clock = clock
    this.#report = report
  }

  /** Reads the IDs of responses and conversations from answers that contain them. */
  readonly observe = ({ context, head, path, target }: RelayedAnswer): RelayObserver | undefined => {
    if (!hasResponseId(path, head)) return undefined
    const owner = ownerOf(context)
    return new ResponseIdReader((id) => this.#seen(id.toString('latin1'), target.endpoint.slot, owner))
  }

  #seen(id: string, slot: number, caller: string | undefined): void {
    this.learn(id, slot, caller)
    if (this.#report === undefined || id.length > maxIdLength || this.#learned.length >= maxBatch) return
    this.#learned.push([id, slot, caller])
    if (this.#learned.length > 1) return
    this.#clock.after(flushMs, () => {
      const learned = this.#learned
      this.#learned = []
      this.#report?.(learned)
    })
  }

  /** @param caller name of the caller; undefined if the gateway does not know it */
  learn(id: string, slot: number, caller?: string): void {
    if (id.length > maxIdLength || slot > SharedCache.maxValue) return
    this.#slots.set(keyOf(id, caller), slot)
    if (caller !== undefined) this.#slots.set(ownedMark(id), slot)
  }

  /**
   * The endpoint that has what a request continues or names; undefined if unknown.
   * @throws GatewayError not_found, invalid_request if it belongs to another caller
   */
  ownerOf(path: string, body: Buffer | undefined, caller?: string): number | undefined {
    if (!mayName(path)) return undefined
    const [, kind, idOfPath] = idInPath.exec(path) ?? []
    const id = idOfPath ?? (body === undefined ? undefined : continuedId(body))
    if (id === undefined || id.length > maxIdLength) return undefined
    const slot = this.#slots.get(keyOf(id, caller))
    if (slot === undefined && this.#isForeign(id, caller)) {
      throw unknown(idOfPath === undefined ? undefined : kind, id)
    }
    return slot
  }

  #isForeign(id: string, caller: string | undefined): boolean {
    return (
      this.#slots.get(ownedMark(id)) !== undefined ||
      (caller !== undefined && this.#slots.get(id) !== undefined)
    )
  }

  /**
   * The outcome reduced to the endpoint that has what the request continues or names, if that is a candidate.
   * @throws GatewayError as `ownerOf`
   */
  placed(outcome: RoutingOutcome, path: string, body: Buffer | undefined, caller?: string): RoutingOutcome {
    const owner = this.ownerOf(path, body, caller)
    if (owner === undefined) return outcome
    for (const tier of outcome.tiers) {
      const candidates = tier.candidates.filter(({ endpoint }) => endpoint.slot === owner)
      if (candidates.length === 0) continue
      return {
        ...outcome,
        tiers: [{ ...tier, candidates, spillsWhenFull: false }],
        candidates: tier.isLastResort === true ? [] : candidates,
      }
    }
    return outcome
  }
}

function keyOf(id: string, caller: string | undefined): string {
  return caller === undefined ? id : `${caller}\n${id}`
}

/** Key under which something is known to belong to a caller. */
function ownedMark(id: string): string {
  return `\n${id}`
}

/** @param kind what the path names; undefined if the body names it */
function unknown(kind: string | undefined, id: string): GatewayError {
  const name = kind === undefined ? 'Previous response' : kind === 'responses' ? 'Response' : 'Conversation'
  const message = `${name} with id '${id.slice(0, 100)}' not found.`
  if (kind !== undefined) return new GatewayError('not_found', message)
  return new GatewayError('invalid_request', message, {
    details: { param: 'previous_response_id', error_code: 'previous_response_not_found' },
  })
}

/** The response or conversation that a request continues. */
function continuedId(body: Buffer): string | undefined {
  // Most requests continue none: a byte search finds that out without iterating over the body.
  if (!names.some((name) => body.includes(name))) return undefined
  const [previous, conversation] = memberSpans(body, nameSpans) ?? []
  return (previous && textAt(body, previous)) ?? (conversation && conversationAt(body, conversation))
}

function textAt(body: Buffer, { start, end }: JsonSpan): string | undefined {
  return body[start] === quote ? body.toString('latin1', start + 1, end - 1) : undefined
}

/** A conversation is named by its ID or by an object that has it. */
function conversationAt(body: Buffer, span: JsonSpan): string | undefined {
  const text = textAt(body, span)
  if (text !== undefined || body[span.start] !== openBrace || span.end - span.start > 2 * maxIdLength)
    return text
  const id = memberSpans(body.subarray(span.start, span.end), idKey)?.[0]
  return id && textAt(body.subarray(span.start, span.end), id)
}
