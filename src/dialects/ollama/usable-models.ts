import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { type UnifiedModel, withSources } from '../../routing/models/unified-model.ts'
import { presentedOllamaVersion } from './model-list.ts'

/** Routes of Ollama's own API that run inference. */
const ownRoutes = ['/api/chat', '/api/generate', '/api/embed', '/api/embeddings']

/** Whether an endpoint has a path; undefined if unknown. */
export type Serves = (endpoint: Endpoint, path: string) => boolean | undefined

/** The models that a client of Ollama's API can use, each with the endpoints that serve it. */
export function usableByOllamaClients(models: readonly UnifiedModel[], serves: Serves): UnifiedModel[] {
  const isServed = new Map<Endpoint, boolean>()
  const speaksOllama = (endpoint: Endpoint): boolean => {
    const known = isServed.get(endpoint)
    if (known !== undefined) return known
    const speaks = ownRoutes.some((path) => serves(endpoint, path) === true)
    isServed.set(endpoint, speaks)
    return speaks
  }
  return models.flatMap((model) => {
    const sources = model.sources.filter(({ endpoint }) => speaksOllama(endpoint))
    return sources.length === 0 ? [] : [withSources(model, sources)]
  })
}

/**
 * The lowest of the given Ollama versions, whose features all of them have, as three bare numbers: VS Code compares
 * numbers only, and reads letters as 0 (aweussom/NoLlama#9). Builds from source report `0.0.0`, which is ignored.
 */
export function fleetVersion(versions: readonly (string | undefined)[]): string {
  const released = versions.flatMap((version) => {
    const numbers = version === undefined ? undefined : releaseOf(version)
    return numbers === undefined ? [] : [numbers]
  })
  released.sort(compare)
  const [lowest] = released
  return lowest === undefined ? presentedOllamaVersion : lowest.join('.')
}

function releaseOf(version: string): readonly number[] | undefined {
  const numbers = /^v?(\d+(?:\.\d+)*)/.exec(version)?.[1]?.split('.').map(Number)
  if (numbers?.some((part) => part > 0) !== true) return undefined
  const [major = 0, minor = 0, patch = 0] = numbers
  return [major, minor, patch]
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
