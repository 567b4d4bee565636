import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseRequest } from '../../src/dialects/hub/parts/request-body.ts'
import { withoutTrigger } from '../../src/dialects/openai/responses/compaction.ts'
import { readResponsesRequest } from '../../src/dialects/openai/responses/request/read-request.ts'
import type { ResponseRequests } from '../../src/dialects/openai/responses/response-requests.ts'
import type { CountRequest } from '../../src/dialects/translate/messages-to-chat/token-counter.ts'
import { isGenericProfile } from '../../src/dialects/translate/translation-plan.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import type { JsonObject } from '../../src/kernel/json/json-fields.ts'
import { ownerOf } from '../../src/proxy/contract/context.ts'
import type { ReadRequest } from '../../src/proxy/dispatch.ts'
import { withAccess } from '../../src/routing/models/access.ts'

export const inputTokensPath = '/v1/responses/input_tokens'
const responsesPath = '/v1/responses'

/** A request for the number of tokens of another one. */
export interface CountCall {
  readonly read: ReadRequest
  readonly readBody: (body: Buffer) => ReadRequest
  readonly body: Buffer
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Counts the tokens of a request to the Responses API: on an endpoint that can count, else by an estimate. */
export async function countInputTokens(
  app: FastifyInstance,
  responses: ResponseRequests,
  { read, readBody, body, request, reply }: CountCall,
): Promise<JsonObject> {
  const { gateway: context } = request
  const expanded = await responses.expand(body, ownerOf(context))
  const whole = expanded === undefined ? body : responses.bodyOf(expanded)
  const { provider, inspection } = expanded === undefined ? read : readBody(whole)
  const { model = '', modelSpan } = inspection
  context.model = inspection.model
  const access = context.identity?.access
  if (access?.allowsModel(model) === false) throw new GatewayError('model_not_allowed')
  app.callerMeter?.check(context, inspection.model)
  const client = app.translation.formatOf(responsesPath)
  const routing = app.modelRouter.route({
    model: inspection.model,
    provider,
    path: responsesPath,
    translates: client?.translates,
    needs: inspection.needs,
    dryRun: true,
  })
  const { candidates } = access === undefined ? routing : withAccess(routing, access)
  const { pathKnowledge } = app
  const native: CountRequest['native'] = {
    body: whole,
    modelSpan,
    pathAt({ endpoint, nativeModel }) {
      const serves = pathKnowledge.serves(endpoint, inputTokensPath, nativeModel)
      const mayServe = serves ?? isGenericProfile(endpoint.profile)
      return mayServe ? inputTokensPath : undefined
    },
    lacks: ({ endpoint, nativeModel }, path) => pathKnowledge.learn(endpoint, path, false, '', nativeModel),
  }
  const conversation = () => readResponsesRequest(withoutTrigger(parseRequest(whole)))
  const { tokens, source, endpoint } = await app.tokenCounter.count(
    { native, conversation, model },
    candidates,
  )
  reply.header('X-Olla-Token-Count', source)
  if (endpoint !== undefined) reply.header('X-Olla-Endpoint', encodeURIComponent(endpoint.name))
  return { object: 'response.input_tokens', input_tokens: tokens }
}
