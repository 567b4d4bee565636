import { answerFormOf } from '../../dialects/answers/form-finder.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'

/**
 * Whether a second attempt of a request that was sent may help and can do no harm: it generates text, the endpoint
 * streams the answer, so that the time to its first content means something, and another endpoint has the model.
 * Excludes requests of the Responses API that use something stored or may run tools at the endpoint: what these do is
 * not undone when the attempt is aborted.
 */
export function mayHedge({
  context,
  method,
  path,
  body,
  inspection,
  routing,
}: Pick<ExchangeRequest, 'context' | 'method' | 'path' | 'body' | 'inspection' | 'routing'>): boolean {
  if (inspection === undefined || context.model === undefined || !Buffer.isBuffer(body)) return false
  if (routing.candidates.length < 2) return false
  const form = answerFormOf(method, path)
  if (form?.assembly?.owns(path) !== true) return false
  if (form.name === 'responses' && mayHaveEffects(inspection)) return false
  const isStream = form.assembly.streamsByDefault ? !inspection.isStreamOff : inspection.isStream
  return isStream || context.isStreamedUpstream
}

/** A body whose keys were not read may contain anything. */
function mayHaveEffects({ keys }: NonNullable<ExchangeRequest['inspection']>): boolean {
  return keys === undefined || keys.stored || keys.tools
}
