import { matchesGlob } from '../../kernel/names/glob.ts'
import type { BackendProfile } from '../profiles/profile.ts'
import type { Endpoint } from './endpoint.ts'

/** Whether the text is a glob and not the name of one endpoint. */
export function isEndpointGlob(text: string): boolean {
  return /[*?]/.test(text)
}

/**
 * The endpoints that `proxy.management_endpoints` names. A glob matches only Ollama servers; an endpoint may also be
 * named before its type is known.
 */
export function managementTargets(endpoints: readonly Endpoint[], names: readonly string[]): Endpoint[] {
  return endpoints.filter(({ name, profile }) =>
    names.some((each) =>
      isEndpointGlob(each)
        ? isManageable(profile) && matchesGlob(each, name)
        : each.toLowerCase() === name.toLowerCase(),
    ),
  )
}

/** Whether servers of the type have Ollama's operations for models: those that report their version as Ollama does. */
export function isManageable(profile: BackendProfile | undefined): boolean {
  return profile?.version?.path === '/api/version'
}
