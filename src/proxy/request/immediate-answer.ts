import { parseRequest } from '../../dialects/hub/parts/request-body.ts'
import type { ClientFormat, Translations } from '../../dialects/translate/request-translation.ts'
import type { RoutingOutcome } from '../../routing/models/routing.ts'

/** Longest request that is read for an immediate answer: such requests contain no content. */
const maxBytes = 65_536

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
  model: string,
  { candidates }: RoutingOutcome,
  nowMs: number,
): string | undefined {
  const { format } = client
  const [first] = candidates
  if (format.immediateAnswer === undefined || body.length > maxBytes || first === undefined) return undefined
  if (translation.applied(client, first) === undefined) return undefined
  const answer = format.immediateAnswer(parseRequest(body), model, nowMs)
  return answer === undefined ? undefined : JSON.stringify(answer)
}
