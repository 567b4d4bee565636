import { isRecord } from '../file/decode.ts'
import { type KeyPath, nearest, type Problem } from '../schema/diagnostics.ts'
import type { EndpointConfig } from '../schema/schema.ts'

const endpointsPath = ['discovery', 'static', 'endpoints'] as const

/** Checks each endpoint for what the schema cannot express (contract 2.3, 3.1). */
export function checkEndpoints(endpoints: readonly EndpointConfig[]): Problem[] {
  const problems: Problem[] = []
  for (const [index, endpoint] of endpoints.entries()) {
    const base: KeyPath = [...endpointsPath, index]
    const error = (key: string, message: string) =>
      problems.push({ severity: 'error', path: [...base, key], message })
    problems.push(...checkAuth(endpoint, base))
    if (endpoint.check_interval < 1000) error('check_interval', 'must be at least 1s')
    if (endpoint.check_timeout > 30_000) error('check_timeout', 'must be at most 30s')
    if (endpoint.check_timeout >= endpoint.check_interval)
      error('check_timeout', 'must be less than check_interval')
    for (const [name, value] of Object.entries(endpoint.headers)) {
      if (!isHeaderName(name)) error('headers', `"${name}" is not a header name`)
      else if (/[\r\n\0]/.test(value)) error('headers', `the value of "${name}" has a line break`)
    }
    for (const key of ['url', 'health_check_url', 'model_url'] as const) {
      const message = checkUrl(endpoint[key], key === 'url')
      if (message !== undefined) error(key, message)
    }
  }
  return problems
}

function checkUrl(text: string | undefined, mustBeAbsolute: boolean): string | undefined {
  // Mirrors which texts a URL parser treats as a path: it drops spaces and treats a backslash as a slash.
  if (text === undefined || (!mustBeAbsolute && isPath(text))) return undefined
  const url = parseHttpUrl(text)
  if (url === undefined) return 'must be an http or https URL'
  if (url.username === '' && url.password === '') return undefined
  return 'must not hold credentials; use "auth: { type: basic, username: …, password: … }"'
}

function isPath(text: string): boolean {
  return /^\/(?![/\\])/.test(text) || !/^[\s\p{Cc}]*(?:[a-z][a-z0-9+.-]*:|[/\\]|[^/]*@)/iu.test(text)
}

/**
 * Reports endpoint types without a profile. Reads the document itself, so that a wrong type is reported together with
 * all other errors.
 */
export function checkTypes(document: unknown, knownTypes: readonly string[]): Problem[] {
  return endpointsOf(document).flatMap((endpoint, index): Problem[] => {
    if (!isRecord(endpoint) || typeof endpoint.type !== 'string') return []
    const type = endpoint.type.toLowerCase()
    if (type === '' || type === 'auto' || knownTypes.includes(type)) return []
    const guess = nearest(type, ['auto', ...knownTypes])
    const hint = guess === undefined ? '' : `, did you mean "${guess}"?`
    const message = `unsupported endpoint type: ${endpoint.type}${hint}`
    return [{ severity: 'error', path: [...endpointsPath, index, 'type'], message }]
  })
}

/** The endpoints of a document of any shape. */
export function endpointsOf(document: unknown): readonly unknown[] {
  let section = document
  for (const key of endpointsPath) section = isRecord(section) ? section[key] : undefined
  return Array.isArray(section) ? section : []
}

/** Required keys of each authentication type. */
const authKeys = { bearer: ['token'], api_key: ['key'], basic: ['username', 'password'] } as const

function checkAuth({ auth }: EndpointConfig, base: KeyPath): Problem[] {
  if (auth === undefined) return []
  const problems: Problem[] = []
  for (const key of authKeys[auth.type]) {
    const inline = auth[key] !== undefined
    const fromFile = auth[`${key}_file`] !== undefined
    if (inline === fromFile) {
      const message = inline
        ? `set either "${key}" or "${key}_file", not both`
        : `"${key}" or "${key}_file" is missing`
      problems.push({ severity: 'error', path: [...base, 'auth'], message })
    }
  }
  if (auth.header !== undefined && !isHeaderName(auth.header)) {
    problems.push({ severity: 'error', path: [...base, 'auth', 'header'], message: 'is not a header name' })
  }
  return problems
}

export function parseHttpUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined
}

export function isHeaderName(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)
}
