import { GatewayError } from '../../../../kernel/errors.ts'
import type { KeptResponse } from './stored.ts'

/** A stream of events, as an answer. */
export class EventAnswer {
  readonly events: AsyncIterable<string>

  constructor(events: AsyncIterable<string>) {
    this.events = events
  }
}

/**
 * The events of a response that is over.
 * @returns undefined if the client asks for the response itself
 * @throws GatewayError invalid_request if it has no events
 */
export function keptEvents({ events }: KeptResponse, query: string): EventAnswer | undefined {
  const after = streamedAfter(query)
  if (after === undefined) return undefined
  if (events === undefined) throw noStream()
  return new EventAnswer(eventsAfter(events, after))
}

/** @param after number of the last event that the client has; -1 for none */
export async function* eventsAfter(
  events: Uint8Array,
  after: number,
): AsyncGenerator<string, void, undefined> {
  const text = Buffer.from(events).toString('utf8')
  // The number of an event is its place.
  let at = 0
  for (let count = 0; count <= after && at < text.length; count++) {
    const end = text.indexOf('\n\n', at)
    at = end < 0 ? text.length : end + 2
  }
  if (at < text.length) yield text.slice(at)
}

/** @param query with its `?`, or '' @returns undefined if the client asks for no stream */
export function streamedAfter(query: string): number | undefined {
  const parameters = new URLSearchParams(query)
  if (parameters.get('stream') !== 'true') return undefined
  const after = parameters.get('starting_after')
  if (after === null) return -1
  const number = Number(after)
  if (Number.isSafeInteger(number) && number >= -1) return number
  throw new GatewayError('invalid_request', 'starting_after: must be the sequence_number of an event')
}

export function noStream(): GatewayError {
  return new GatewayError(
    'invalid_request',
    'stream: only a response that was created with `background` and `stream` can be streamed again',
  )
}
