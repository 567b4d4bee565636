import { isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import { parseJson } from '../request/request-values.ts'
import { EventAnswer, eventsAfter, noStream, streamedAfter } from '../store/event-answer.ts'
import { ownBytes, type ResponseStore } from '../store/stored.ts'
import { deletedResponse, inputPage } from '../store/stored-views.ts'
import type { BackgroundRuns } from './background-runs.ts'

/** Where responses in the background are made: in this process, or in another replica. */
export type RunPlace = Pick<BackgroundRuns, 'read' | 'follow' | 'end'>

/** The name of a response in the background, and the store that has it when it is over. */
export interface NamedRun {
  readonly id: string
  readonly owner: string | undefined
  readonly responses: ResponseStore
}

/**
 * Answers a request about a response in the background.
 * @param part below the response
 * @param query with its `?`, or ''
 * @returns undefined if the response is not being made there
 * @throws GatewayError invalid_request
 */
export async function answerBackground(
  runs: RunPlace,
  run: NamedRun,
  method: string,
  part: 'input_items' | 'cancel' | undefined,
  query: string,
): Promise<JsonObject | EventAnswer | undefined> {
  if (method === 'DELETE' && part === undefined) {
    const ended = await runs.end(run, true)
    return ended && deletedResponse(run.id)
  }
  if (method === 'POST' && part === 'cancel') return objectIn((await runs.end(run, false))?.response)
  if (method !== 'GET' || part === 'cancel') return undefined
  const found = await runs.read(run)
  if (found === undefined) return undefined
  if (part === 'input_items') {
    const request = ownBytes(found.request)
    const previousId = textField(objectIn(found.request) ?? {}, 'previous_response_id')
    const kept = { id: run.id, previousId, itemIds: [], request, response: ownBytes(found.response) }
    return inputPage(kept, run.responses, query)
  }
  const after = streamedAfter(query)
  if (after === undefined) return objectIn(found.response)
  if (!found.hasEvents) throw noStream()
  return new EventAnswer(followed(runs, run, after))
}

/** The events of a response from its beginning or from where the client left off, until it is over. */
export async function* followed(
  runs: RunPlace,
  run: NamedRun,
  after: number,
): AsyncGenerator<string, void, undefined> {
  let last = after
  for (;;) {
    const found = await runs.follow(run, last)
    if (found?.events === undefined) break
    if (found.events.length > 0) yield found.events.join('')
    last += found.events.length
    if (found.isOver) return
  }
  const kept = await run.responses.get(run.id)
  if (kept?.events !== undefined) yield* eventsAfter(kept.events, last)
}

function objectIn(text: string | undefined): JsonObject | undefined {
  const value = text === undefined ? undefined : parseJson(text)
  return isObject(value) ? value : undefined
}
