import { textSize } from '../../kernel/json/text-size.ts'
import { priorities } from '../../routing/line/line-cells.ts'
import { type Lane, type LineTicket, laneOf } from '../../routing/line/line-ticket.ts'
import type { Tier } from '../../routing/models/routing.ts'
import type { RequestContext } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'

const tokensPerImage = 1_600
/** English text has about four bytes per token. */
const bytesPerToken = 4
/** Of an answer, whose length is unknown. */
const answerTokens = 256
/** A weight of 0 would never get a turn. */
const minWeight = 0.001

const knownLanes = new WeakMap<readonly Tier[], Lane>()

/** What the waiting line needs to know of a request. */
export function waitingTicket({ context, routing, body }: ExchangeRequest): LineTicket {
  const { identity } = context
  return {
    id: context.id,
    lane: laneFor(routing.tiers, context.model),
    flow: flowOf(context),
    priority: priorities.indexOf(identity?.priority ?? 'normal'),
    weight: Math.max(minWeight, identity?.weight ?? 1),
    tokens: promptTokens(body) + answerTokens,
    bytes: context.requestBytes,
    about: {
      serial: context.serial,
      client: context.caller ?? context.clientAddress,
      keyId: identity?.keyId,
      session: context.session?.key?.sessionId,
      model: context.model,
    },
  }
}

/** Equal requests share their routes, which are cached. */
function laneFor(tiers: readonly Tier[], model: string | undefined): Lane {
  let lane = knownLanes.get(tiers)
  if (lane === undefined) {
    lane = laneOf(tiers, model)
    knownLanes.set(tiers, lane)
  }
  return lane
}

/** Who takes turns in the line. */
function flowOf({ identity, caller, session, clientAddress }: RequestContext): string {
  if (identity !== undefined) return `key ${identity.keyId}`
  if (caller !== undefined) return `caller ${caller}`
  const sessionId = session?.key?.sessionId
  return sessionId === undefined ? `address ${clientAddress}` : `session ${sessionId}`
}

function promptTokens(body: ExchangeRequest['body']): number {
  if (body === null || !Buffer.isBuffer(body)) return 1
  const { bytes, images } = textSize(body)
  return Math.ceil(bytes / bytesPerToken) + images * tokensPerImage
}
