import { mayRefuseStreamOptions, streamOptionsRefusals } from '../../dialects/errors/refusals.ts'
import { UsageStrip } from '../../dialects/openai/usage-strip.ts'
import type { RequestVariant } from '../../dialects/variants/request-variant.ts'
import { framingIn, headerValue } from '../../http/headers/response-headers.ts'
import { type BodyEdit, editBody, valueEdit } from '../../kernel/json/body-edit.ts'
import type { JsonSpan } from '../../kernel/json/json-bytes.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'
import { renameFor } from '../answer/answer-head.ts'
import type { RequestRoute } from '../contract/context.ts'

/** A stream whose client does not ask for its usage. */
export interface SilentStream {
  readonly context: Pick<RequestRoute, 'model'>
  readonly path: string
  readonly query: string
  readonly body: Buffer
  readonly modelSpan: JsonSpan | undefined
  /** Makes the endpoint report the usage. */
  readonly edit: BodyEdit
  /** Whether answers get the client's name for the model. */
  readonly renameAnswers: boolean
}

/**
 * Returns the form of such a request that requests usage, for endpoints that support it; the client sees the same
 * stream as without it.
 */
export function usageRequestVariant(
  stream: SilentStream,
): (target: RoutedEndpoint) => RequestVariant | undefined {
  const { context, path, query, body, modelSpan, edit, renameAnswers } = stream
  return function requestUsage(target) {
    const { endpoint, sentModel } = target
    if (endpoint.profile?.usage.requestsStreamUsage !== true || streamOptionsRefusals.has(endpoint))
      return undefined
    const isRenamed = modelSpan !== undefined && sentModel !== undefined
    return {
      path,
      query,
      body: editBody(body, isRenamed ? [valueEdit(modelSpan, sentModel), edit] : [edit]),
      answer(head) {
        const framing = framingIn(head.headers)
        const isReadable = headerValue(head.headers, 'content-encoding') === undefined
        if (head.statusCode >= 300 || framing === 'json' || framing === 'html' || !isReadable)
          return undefined
        const rename = renameAnswers ? renameFor(target, context.model, head, path) : undefined
        const strip = new UsageStrip()
        return { transforms: rename === undefined ? [strip] : [strip, rename] }
      },
      onRefusal({ statusCode }, refusal) {
        return mayRefuseStreamOptions(statusCode, refusal) ? unasked(stream, target) : undefined
      },
    }
  }
}

/**
 * The client's own request, for an endpoint that rejected the other form. If the endpoint accepts it, later requests do
 * not ask for usage.
 */
function unasked({ path, query, body, modelSpan }: SilentStream, target: RoutedEndpoint): RequestVariant {
  const { endpoint, sentModel } = target
  const isRenamed = modelSpan !== undefined && sentModel !== undefined
  return {
    path,
    query,
    body: isRenamed ? editBody(body, [valueEdit(modelSpan, sentModel)]) : body,
    answer({ statusCode }) {
      if (statusCode < 400) streamOptionsRefusals.add(endpoint)
      return undefined
    },
  }
}
