import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { RoutedEndpoint } from './routing.ts'

/** Whether the backend resolves the requested spelling: some ignore case, and Ollama adds `:latest`. */
export function isUnderstood(requested: string, native: string): boolean {
  return requested === native || native === `${requested}:latest`
}

/** Whether a model is in memory; undefined if its endpoint does not report it. */
export function loadedState(state: 'loaded' | 'not-loaded' | undefined): boolean | undefined {
  return state === undefined ? undefined : state === 'loaded'
}

/** An endpoint without a model of its own name. */
export function anyEndpoint(endpoint: Endpoint): RoutedEndpoint {
  return { endpoint, nativeModel: undefined, sentModel: undefined, isWarm: undefined, abilities: undefined }
}

/**
 * `openai` and its variants include every endpoint with the OpenAI API; any other prefix only its own backend type. An
 * endpoint whose type is not known yet counts as OpenAI-compatible.
 */
export function isInScope(endpoint: Endpoint, provider: BackendProfile | undefined): boolean {
  if (provider === undefined) return true
  if (provider.name === 'openai-compatible') return endpoint.profile?.openaiCompatible ?? true
  return endpoint.profile?.name === provider.name
}
