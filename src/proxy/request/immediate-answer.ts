import { parseRequest } from '../../dialects/hub/parts/request-body.ts'
import type { Inspection } from '../../dialects/requests/inspect.ts'
import type { ClientFormat, Translations } from '../../dialects/translate/request-translation.ts'
import type { RoutingOutcome } from '../../routing/models/routing.ts'

/** Largest request that is read for an immediate answer, and the bytes for the model in it: an empty list or text. */
const maxBytes = 65_536
const maxPromptBytes = 16

/**
 * The JSON of an answer that the gateway gives itself instead of translating the request; see `Format.immediateAnswer`.
 * An endpoint with the client's API answers such requests itself.
 * @returns undefined if an endpoint must answer
 * @throws GatewayError invalid_json, invalid_request
 */
export function immediateAnswer(
  client: ClientFormat,
  translation: Pick<Translations, 'applied'>,
  body: Buffer,
  { model, promptBytes = 0 }: Pick<Inspection, 'model' | 'promptBytes'>,
  { candidates }: RoutingOutcome,
  nowMs: number,
): string | undefined {
  const { format } = client
  const [first] = candidates
  if (format.immediateAnswer === undefined || model === undefined || first === undefined) return undefined
  if (promptBytes > maxPromptBytes || body.length > maxBytes) return undefined
  if (translation.applied(client, first) === undefined) return undefined
  const answer = format.immediateAnswer(parseRequest(body), model, nowMs)
  return answer === undefined ? undefined : JSON.stringify(answer)
}
