import { GatewayError } from '../../kernel/errors.ts'

/**
 * The error of a request whose path no endpoint has. Without a model it cannot be translated, so the path is not what it
 * lacks.
 * @param isTranslatable whether its API can be translated
 */
export function withoutModel(
  error: GatewayError,
  isTranslatable: boolean,
  model: string | undefined,
): GatewayError {
  if (error.code !== 'path_not_served' || !isTranslatable || model !== undefined) return error
  // OpenAI's words.
  return new GatewayError('invalid_request', "Missing required parameter: 'model'.", {
    details: { param: 'model', error_code: 'missing_required_parameter' },
  })
}
