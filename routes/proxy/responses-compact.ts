import type { FastifyReply } from 'fastify'
import { parseRequest } from '../../src/dialects/hub/parts/request-body.ts'
import type { Launch } from '../../src/dialects/openai/responses/background/background-runs.ts'
import {
  type Collected,
  CollectedAnswer,
  compacted,
  summaryRequest,
  withoutTrigger,
  writeCompaction,
} from '../../src/dialects/openai/responses/compaction.ts'
import { parseJson } from '../../src/dialects/openai/responses/request/request-values.ts'
import type { ResponseRequests } from '../../src/dialects/openai/responses/response-requests.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { isObject, type JsonObject } from '../../src/kernel/json/json-fields.ts'

export const compactPath = '/v1/responses/compact'
const jsonType = 'application/json; charset=utf-8'

/** A request to compact a conversation. */
export interface CompactCall {
  readonly body: Buffer
  readonly caller: string | undefined
  readonly reply: FastifyReply
  /** Sends a request of the gateway for the client. */
  readonly launch: Launch
}

/**
 * Compacts a conversation: the model of the request summarizes it. Endpoints of other APIs, and most with the Responses
 * API, cannot compact.
 */
export async function compactConversation(
  responses: ResponseRequests,
  { body, caller, reply, launch }: CompactCall,
): Promise<JsonObject | string> {
  const asked = await responses.expand(body, caller)
  const whole = asked?.whole ?? parseRequest(body)
  const sent = responses.bodyOf({ whole: summaryRequest(whole) })
  const answer = await collected(reply, (sink) => launch(sent, responses.newId('resp'), sink))
  if (answer.statusCode !== 200) {
    // An error in the dialect of the client, as any response would have it.
    reply.code(answer.statusCode).type(jsonType)
    return answer.text
  }
  const response = parseJson(answer.text)
  const result = isObject(response) ? compacted(whole, response, responses) : undefined
  if (result === undefined) throw noSummary()
  return result
}

/** A request that asks for a compaction with `compaction_trigger`. */
export interface TriggerCall extends Omit<CompactCall, 'body'> {
  /** With all that it continues, and as its client sent it. */
  readonly whole: JsonObject
  readonly own: JsonObject
}

/** Answers such a request as `compactConversation` does, with a response of its own. */
export async function compactOnTrigger(
  responses: ResponseRequests,
  { whole, own, caller, reply, launch }: TriggerCall,
): Promise<string> {
  const sent = responses.bodyOf({ whole: summaryRequest(withoutTrigger(whole)) })
  const { newId, nowMs } = responses
  const answer = await collected(reply, (sink) => launch(sent, newId('resp'), sink))
  if (answer.statusCode !== 200) {
    reply.code(answer.statusCode).type(jsonType)
    return answer.text
  }
  const response = parseJson(answer.text)
  const request = withoutTrigger(own)
  const store = responses.storeFor({ name: 'responses' }, request, caller)
  const isStream = own.stream === true
  const written = isObject(response)
    ? writeCompaction(response, { request, newId, nowMs, store }, isStream)
    : undefined
  if (written === undefined) throw noSummary()
  if (isStream) reply.header('Cache-Control', 'no-cache')
  reply.type(isStream ? 'text/event-stream; charset=utf-8' : jsonType)
  return written
}

function noSummary(): GatewayError {
  return new GatewayError('upstream_failed', 'The model gave no summary.')
}

/** The answer to a request; the request ends if the client leaves. */
function collected(reply: FastifyReply, send: (sink: CollectedAnswer) => () => void): Promise<Collected> {
  return new Promise((resolve, reject) => {
    const sink = new CollectedAnswer((outcome) => {
      if (outcome instanceof GatewayError) reject(outcome)
      else resolve(outcome)
    })
    const stop = send(sink)
    // The client may have left while the store was read.
    if (reply.raw.destroyed) stop()
    else reply.raw.once('close', stop)
  })
}
