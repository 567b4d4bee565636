import { isAtLeast } from '../../endpoints/profiles/server-version.ts'
import {
  framingIn,
  headerValue,
  type UpstreamHead,
  withHeaders,
} from '../../http/headers/response-headers.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { answerFormOf } from '../answers/form-finder.ts'
import type { AssemblyForm } from '../assembly/assembly-form.ts'
import { mayRefuseStreamOptions } from '../errors/refusals.ts'
import type { RequestVariant } from '../variants/request-variant.ts'
import { AssembledAnswer } from './assembled-answer.ts'
import { ChangedAnswer } from './changed-answer.ts'
import type { StreamKnowledge } from './stream-knowledge.ts'
import { streamedBody } from './streamed-body.ts'

const jsonHead = ['Content-Type', 'application/json; charset=utf-8']
/** Routes that lose parts of tool calls in streams, and those whose events lack fields of the answer. */
const losesTools = 'no_streamed_tools'
const losesFields = 'bare_events'

/** How a request that asks for no stream is sent to an endpoint that streams. */
export interface StreamedCall {
  readonly knowledge: StreamKnowledge
  readonly target: RoutedEndpoint
  /** The client's name for the model; undefined if answers keep the endpoint's name. */
  readonly requestedModel: string | undefined
  /** Called with whether the endpoint is asked for a stream. */
  note(isStreamed: boolean): void
}

/** The form in which the request would be sent otherwise. */
export type PlainForm = RequestVariant & { readonly body: Buffer }

/**
 * A request with `stream` set, whose answer is assembled. An endpoint that refuses it gets the plain form at once.
 * @returns undefined if the plain form has to be sent
 */
export function streamedVariant(call: StreamedCall, plain: PlainForm): RequestVariant | undefined {
  const { knowledge, target, note } = call
  const { path } = plain
  const form = answerFormOf('POST', path)?.assembly
  if (form?.owns(path) !== true || !knowledge.asks(target, path)) return undefined
  if (losesContent(form, target, plain.body, knowledge.versionOf(target.endpoint))) return undefined
  const body = streamedBody(plain.body, form)
  if (body === undefined) return undefined
  const model = target.sentModel === undefined ? undefined : call.requestedModel
  const isKnown = knowledge.streams(target.endpoint, path)
  note(true)
  return {
    ...plain,
    body,
    answer(head) {
      const { statusCode, headers } = head
      const isRead =
        framingIn(headers) === form.framing && headerValue(headers, 'content-encoding') === undefined
      if (statusCode < 300 && isRead) {
        const assembled = new AssembledAnswer(form, model, (lacksUsage) => {
          if (lacksUsage) knowledge.refused(target, path)
        })
        const changes = plain.answer?.({ statusCode, headers: withHeaders(headers, jsonHead) })
        return changes === undefined ? assembled : new ChangedAnswer(assembled, changes)
      }
      if (statusCode < 300) note(false)
      return plain.answer?.(head)
    },
    onRefusal(head, refusal) {
      if (!refusesStreaming(head, refusal, isKnown)) return plain.onRefusal?.(head, refusal)
      note(false)
      return accepted(plain, () => knowledge.refused(target, path))
    },
  }
}

/** Whether a stream of the endpoint's route shows less than a whole answer. */
function losesContent(
  form: AssemblyForm,
  { endpoint }: RoutedEndpoint,
  body: Buffer,
  version: string | undefined,
): boolean {
  const { profile } = endpoint
  if (form.limitations === undefined || profile === undefined) return false
  return form.limitations(profile).some((each) => {
    const [name, fixedIn] = each.split('<', 2)
    if (fixedIn !== undefined && isAtLeast(version, fixedIn)) return false
    return name === losesFields || (name === losesTools && body.includes('"tools"', 0, 'latin1'))
  })
}

/** The plain form, with a report once the endpoint has accepted it. */
export function accepted(plain: RequestVariant, report: () => void): RequestVariant {
  return {
    ...plain,
    answer(head) {
      if (head.statusCode < 400) report()
      return plain.answer?.(head)
    },
  }
}

/** Number of bytes of a refusal that are examined. */
const maxTextBytes = 8_192
const statuses: ReadonlySet<number> = new Set([400, 404, 405, 422, 501])

/**
 * Whether an error may be about a stream that the client did not request.
 * @param isKnown whether the endpoint has streamed before; else an error without details may be about that as well
 */
export function refusesStreaming({ statusCode }: UpstreamHead, refusal: Buffer, isKnown: boolean): boolean {
  if (!statuses.has(statusCode)) return false
  if (/stream|include_usage/i.test(refusal.toString('utf8', 0, maxTextBytes))) return true
  return !isKnown && (statusCode === 501 || mayRefuseStreamOptions(statusCode, refusal))
}
