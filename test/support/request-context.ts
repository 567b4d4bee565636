import { openai } from '../../src/dialects/openai/index.ts'
import { RequestContext } from '../../src/proxy/contract/context.ts'

/** A request as it may look at its end. */
export function requestContext(fields: Partial<RequestContext> = {}): RequestContext {
  const { id = 'request-1', clientAddress = '10.0.0.1', ...rest } = fields
  const context = new RequestContext(id, 0, openai, 'proxy', clientAddress)
  return Object.assign(context, { method: 'POST', url: '/v1/chat/completions' }, rest)
}
