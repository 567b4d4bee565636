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

/**
 * Answers a request about a response that the gateway has stored, and adds what a request refers to. Everything else
 * goes to an endpoint as it is.
 */
export function handleResponses(
  app: FastifyInstance,
  responses: ResponseRequests,
  call: ResponsesCall,
): void {
  const { read, request, reply } = call
  const { path, query } = read.target
  const asked =
    read.client !== undefined && Buffer.isBuffer(read.body)
      ? responses.expand(read.body)?.then((expanded) => {
          const body = expanded === undefined ? undefined : Buffer.from(JSON.stringify(expanded.whole))
          send(app, call, body === undefined ? read : { ...call.readBody(body), original: expanded?.own })
        })
      : responses.answer(request.method, path, query)?.then((answer) => {
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
