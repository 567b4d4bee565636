import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ResponseRequests } from '../../src/dialects/openai/responses/response-requests.ts'
import type { ReadRequest } from '../../src/proxy/dispatch.ts'

/** A request to the Responses API. */
interface ResponsesCall {
  readonly read: ReadRequest
  /** Reads the request with another body. */
  readonly readBody: (body: Buffer) => ReadRequest
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Whether a request may concern what the gateway stores for the Responses API. */
export function mayConcernState(path: string): boolean {
  return path.startsWith('/v1/responses') || path.startsWith('/v1/conversations')
}

/**
 * Answers a request about something that the gateway has stored, and adds what a request refers to. Everything else goes
 * to an endpoint as it is.
 */
export function handleResponses(
  app: FastifyInstance,
  responses: ResponseRequests,
  call: ResponsesCall,
): void {
  const { read, request, reply } = call
  const { path, query } = read.target
  const { caller } = request.gateway
  const body = Buffer.isBuffer(read.body) ? read.body : undefined
  const asked =
    read.client !== undefined && body !== undefined
      ? responses.expand(body, caller)?.then((expanded) => {
          if (expanded === undefined) send(app, call, read)
          else send(app, call, { ...call.readBody(responses.bodyOf(expanded)), original: expanded.own })
        })
      : responses.answer({ method: request.method, path, query, body, caller })?.then((answer) => {
          if (answer === undefined) send(app, call, read)
          else reply.send(answer)
        })
  if (asked === undefined) app.dispatch(read, request, reply)
  else asked.catch((error: unknown) => reply.send(responses.errorFor(path, error)))
}

/** The client may have gone while the store was read. */
function send(app: FastifyInstance, { request, reply }: ResponsesCall, read: ReadRequest): void {
  if (reply.raw.destroyed) request.gateway.heldBody?.over()
  else app.dispatch(read, request, reply)
}
