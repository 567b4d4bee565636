import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { StreamKnowledge } from '../streamed/stream-knowledge.ts'
import { refusesStreaming } from '../streamed/streamed-variant.ts'
import type { RequestVariant } from '../variants/request-variant.ts'
import { onAccepted } from './on-accepted.ts'

/** Endpoints that are asked for streams which clients did not request; undefined if none are. */
export type UpstreamStreams = Pick<StreamKnowledge, 'asks' | 'streams' | 'refused'> | undefined

/**
 * The form without a stream, if an endpoint refuses a stream that the client did not request.
 * @param whole makes that form
 */
export function wholeInstead(
  streams: UpstreamStreams,
  target: RoutedEndpoint,
  path: string,
  head: UpstreamHead,
  refusal: Buffer,
  whole: () => RequestVariant,
): RequestVariant | undefined {
  if (!refusesStreaming(head, refusal, streams?.streams(target.endpoint, path) === true)) return undefined
  return onAccepted(whole(), () => streams?.refused(target, path))
}
