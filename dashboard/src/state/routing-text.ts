import type { Routing } from '../api/types.ts'

/** The gateway's reasons as sentences. */
const sentences: Readonly<Record<string, string>> = {
  model_found: 'An endpoint that can serve has the model.',
  model_found_no_refresh: 'An endpoint that can serve has the model; lists were not read again.',
  model_found_after_discovery: 'The model was found after the endpoints’ lists were read again.',
  model_not_found: 'No endpoint has this model.',
  model_unavailable: 'Only endpoints that cannot serve now have the model.',
  model_unavailable_no_fallback:
    'Only endpoints that cannot serve now have the model, and no other may take it.',
  model_unavailable_compatible_only: 'Only endpoints that cannot serve now have the model.',
  model_unavailable_no_refresh: 'No endpoint that can serve has the model; lists were not read again.',
  model_unavailable_after_discovery:
    'No endpoint that can serve has the model, even after lists were read again.',
  model_not_found_fallback: 'No endpoint has the model: all that can serve were tried.',
  all_healthy_fallback: 'Endpoints with the model cannot serve now: all others were tried.',
  all_healthy_after_discovery: 'Not found after lists were read again: all that can serve were tried.',
  no_healthy_after_discovery: 'Lists were read again, and no endpoint can serve.',
  no_healthy_endpoints: 'No endpoint can serve.',
  no_model_named: 'The request names no model: any endpoint in scope can take it.',
  discovery_failed_no_fallback: 'The endpoints’ lists could not be read again.',
  discovery_failed_compatible_only: 'The endpoints’ lists could not be read again.',
  discovery_failed_all_fallback:
    'The endpoints’ lists could not be read again: all that can serve were tried.',
  discovery_error: 'Model discovery is off, so lists could not be read again.',
  discovery_error_fallback: 'Model discovery is off: all that can serve were tried.',
}

/** Why a request went where it went. A reason without an entry is a sentence already. */
export function routingSentence({ decision, reason }: Pick<Routing, 'decision' | 'reason'>): string {
  if (reason === null || reason === '')
    return decision === null ? 'It was not routed.' : `Decision: ${decision}.`
  const known = sentences[reason]
  if (known !== undefined) return known
  const text = reason.replaceAll('_', ' ')
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
