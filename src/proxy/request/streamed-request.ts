import { answerFormOf } from '../../dialects/answers/form-finder.ts'
import type { Inspection } from '../../dialects/requests/inspect.ts'
import type { StreamKnowledge } from '../../dialects/streamed/stream-knowledge.ts'
import { streamedBody } from '../../dialects/streamed/streamed-body.ts'
import { streamedVariant } from '../../dialects/streamed/streamed-variant.ts'
import type { RequestVariant } from '../../dialects/variants/request-variant.ts'
import type { Upload } from '../../http/body/upload.ts'
import { editBody, valueEdit } from '../../kernel/json/body-edit.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { RequestProgress, RequestRoute } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'

/** Larger bodies are not copied to change them. */
const maxBodyBytes = 8_388_608

/** A request whose client asks for a whole answer. */
export interface WholeRequest {
  readonly context: Pick<RequestRoute, 'model'> & Pick<RequestProgress, 'isStreamedUpstream'>
  readonly method: string
  readonly path: string
  readonly query: string
  readonly body: Buffer | Upload | null
  readonly inspection: Pick<Inspection, 'isStream' | 'isStreamOff' | 'modelSpan' | 'modelPlace'>
  /** Whether answers get the client's name for the model. */
  readonly renameAnswers: boolean
}

/**
 * The forms of a request for endpoints that are asked for a stream which the client did not request.
 * @param forms those in which the request would be sent otherwise
 */
export function streamedForms(
  knowledge: StreamKnowledge,
  request: WholeRequest,
  forms: ExchangeRequest['variant'],
): ExchangeRequest['variant'] {
  const { context, path, query, body, inspection, renameAnswers } = request
  if (!Buffer.isBuffer(body) || !mayStream(request, body)) return forms
  const note = (isStreamed: boolean) => {
    context.isStreamedUpstream = isStreamed
  }
  const requestedModel = renameAnswers ? context.model : undefined
  return (target) => {
    note(false)
    const given = forms?.(target)
    // A translated request decides by itself.
    if (given !== undefined && given.mode !== 'passthrough') return given
    const plain = given ?? { path, query, body: renamedBody(body, inspection.modelSpan, target) }
    const streamed = isPlain(plain)
      ? streamedVariant({ knowledge, target, requestedModel, note }, plain)
      : undefined
    return streamed ?? given
  }
}

/** Whether the client asks for a whole answer that can be assembled from a stream. */
function mayStream(
  { method, path, inspection }: Pick<WholeRequest, 'method' | 'path' | 'inspection'>,
  body: Buffer,
): boolean {
  if (inspection.isStream || inspection.modelPlace !== undefined || body.length > maxBodyBytes) return false
  const form = answerFormOf(method, path)?.assembly
  return form?.owns(path) === true && (!form.streamsByDefault || inspection.isStreamOff)
}

/**
 * Whether an endpoint would be asked for a stream that the client does not request.
 * @param sentPath path of the request at the endpoint; another one than the client's for a translated request
 */
export function isStreamedAt(
  knowledge: StreamKnowledge,
  request: Pick<WholeRequest, 'method' | 'path' | 'inspection'> & { readonly body: Buffer },
  sentPath: string,
  candidate: RoutedEndpoint,
): boolean {
  if (!mayStream(request, request.body) || !knowledge.asks(candidate, sentPath)) return false
  const form = answerFormOf(request.method, sentPath)?.assembly
  if (form === undefined) return false
  return sentPath !== request.path || streamedBody(request.body, form) !== undefined
}

function isPlain(form: RequestVariant): form is RequestVariant & { readonly body: Buffer } {
  return Buffer.isBuffer(form.body)
}

function renamedBody(
  body: Buffer,
  modelSpan: Inspection['modelSpan'],
  { sentModel }: RoutedEndpoint,
): Buffer {
  return modelSpan === undefined || sentModel === undefined
    ? body
    : editBody(body, [valueEdit(modelSpan, sentModel)])
}
