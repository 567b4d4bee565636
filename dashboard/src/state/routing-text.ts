import type { Routing } from '../api/types.ts'

/** The gateway's reasons as sentences. */
const sentences: Readonly<Record<string, string>> = {
  model_found: 'A routable endpoint has the model.',
  model_found_no_refresh: 'A routable endpoint has the model; lists were not refreshed.',
  model_found_after_discovery: 'The model was found after a refresh of the lists.',
  model_not_found: 'No endpoint has this model.',
  model_unavailable: 'Only unavailable endpoints have the model.',
  model_unavailable_no_fallback: 'Only unavailable endpoints have the model, and no other may serve it.',
  model_unavailable_compatible_only: 'Only unavailable endpoints have the model.',
  model_unavailable_no_refresh: 'No routable endpoint has the model; lists were not refreshed.',
  model_unavailable_after_discovery: 'No routable endpoint has the model, even after a refresh of the lists.',
  model_not_found_fallback: 'No endpoint has the model: all routable ones were tried.',
  all_healthy_fallback: 'Endpoints with the model are unavailable: all others were tried.',
  all_healthy_after_discovery: 'Not found after a refresh of the lists: all routable endpoints were tried.',
  no_healthy_after_discovery: 'The lists were refreshed, and no endpoint is routable.',
  no_healthy_endpoints: 'No endpoint is routable.',
  no_model_named: 'The request names no model: any endpoint in scope can serve it.',
  discovery_failed_no_fallback: 'The lists could not be refreshed.',
  discovery_failed_compatible_only: 'The lists could not be refreshed.',
  discovery_failed_all_fallback: 'The lists could not be refreshed: all routable endpoints were tried.',
  discovery_error: 'Model discovery is off, so the lists could not be refreshed.',
  discovery_error_fallback: 'Model discovery is off: all routable endpoints were tried.',
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
