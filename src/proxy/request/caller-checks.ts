import { GatewayError } from '../../kernel/errors.ts'
import { withoutKeys } from '../../kernel/names/key-like.ts'
import type { CallerMeter, MeteredRequest } from '../contract/caller-meter.ts'
import type { RequestContext } from '../contract/context.ts'
import type { ConcludeServices } from './conclude.ts'
import { reject } from './reject.ts'

/**
 * Refuses a model that the caller may not use, whether or not any endpoint has it. Where only some models are allowed,
 * a request must name one: an endpoint would choose one for it.
 */
export function checkModel(services: ConcludeServices, context: RequestContext, method: string): void {
  const { model, identity } = context
  const access = identity?.access
  if (access?.limitsModels !== true || (model === undefined && method !== 'POST')) return
  if (model !== undefined && access.allowsModel(model)) return
  const message =
    model === undefined ? 'The API key may use only some models, and the request names none.' : undefined
  throw reject(services, context, new GatewayError('model_not_allowed', message))
}

/** A client that has mixed up its settings would have its key in every list of models. */
export function refuseKeyAsModel(services: ConcludeServices, context: RequestContext): void {
  const { model = '' } = context
  const shown = withoutKeys(model)
  if (shown === model) return
  context.model = shown
  throw reject(services, context, new GatewayError('invalid_request', 'The name of the model is an API key.'))
}

/**
 * @returns undefined if the request can go on at once; otherwise a promise that rejects if another replica's requests
 *   leave no room for it
 * @throws GatewayError if a limit of the caller does not allow the request, which then counts as refused
 */
export function reserve(
  services: ConcludeServices,
  meter: CallerMeter,
  context: RequestContext,
  request: MeteredRequest,
): Promise<void> | undefined {
  try {
    meter.reserve(context, request)
    return meter.confirm?.(context)?.then((refusal) => {
      if (refusal !== undefined) throw reject(services, context, refusal)
    })
  } catch (error) {
    throw error instanceof GatewayError ? reject(services, context, error) : error
  }
}
