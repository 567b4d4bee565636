import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { editBody, valueEdit } from '../../kernel/json/body-edit.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { readContextLimit } from '../errors/context-limit.ts'
import { isMissingStatus, readMissing } from '../errors/missing.ts'
import { refusesField } from '../errors/refusals.ts'
import type { RequestVariant } from '../variants/request-variant.ts'
import type { TranslatedCall } from './request-translation.ts'

const maxErrorBytes = 8_192

/**
 * The client's own request. If the endpoint turns out to lack the path, or its route does not accept something that the
 * request uses, it gets a translation at once.
 * @param learnMissing called if the endpoint lacks the path
 */
export function ownRequest(
  { path, query, body, modelSpan }: TranslatedCall,
  { sentModel }: RoutedEndpoint,
  learnMissing: () => void,
  translated: () => RequestVariant,
): RequestVariant {
  const untranslatable: RequestVariant['untranslatable'] = { error: undefined }
  const isRenamed = modelSpan !== undefined && sentModel !== undefined
  return {
    path,
    query,
    body: isRenamed ? editBody(body, [valueEdit(modelSpan, sentModel)]) : body,
    mode: 'passthrough',
    untranslatable,
    onRefusal: ({ statusCode }, refusal) => {
      const isMissing = lacksPath(path, { statusCode }, refusal)
      if (isMissing) learnMissing()
      else if (!refusesField(statusCode, refusal) || readContextLimit(textOf(refusal)) !== undefined)
        return undefined
      try {
        return translated()
      } catch (error) {
        // Such a request keeps the endpoint's own answer, unless that only says that the path is missing.
        if (isMissing && error instanceof GatewayError) untranslatable.error = error
        return undefined
      }
    },
  }
}

/** Whether a refusal says that the endpoint does not have a path. */
export function lacksPath(
  path: string,
  { statusCode }: Pick<UpstreamHead, 'statusCode'>,
  refusal: Buffer,
): boolean {
  return isMissingStatus(statusCode) && readMissing({ path, statusCode, text: textOf(refusal) }) === 'path'
}

function textOf(refusal: Buffer): string {
  return refusal.toString('utf8', 0, maxErrorBytes)
}
