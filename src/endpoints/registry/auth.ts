import type { EndpointConfig } from '../../config/schema/schema.ts'

type AuthConfig = NonNullable<EndpointConfig['auth']>

/** The credentials header of an endpoint as a name/value pair (contract 3.2), with resolved secrets. */
export function authHeader(auth: AuthConfig): readonly [string, string] {
  switch (auth.type) {
    case 'bearer':
      return ['Authorization', `Bearer ${auth.token ?? ''}`]
    case 'api_key':
      return [auth.header ?? 'X-Api-Key', auth.key ?? '']
    case 'basic':
      return [
        'Authorization',
        `Basic ${Buffer.from(`${auth.username ?? ''}:${auth.password ?? ''}`).toString('base64')}`,
      ]
  }
}

/** Static headers and credentials as flat pairs; credentials override a header with the same name. */
export function endpointHeaders(config: Pick<EndpointConfig, 'headers' | 'auth'>): string[] {
  const credentials = config.auth === undefined ? undefined : authHeader(config.auth)
  const pairs: string[] = []
  for (const [name, value] of Object.entries(config.headers)) {
    if (name.toLowerCase() !== credentials?.[0].toLowerCase()) pairs.push(name, value)
  }
  if (credentials !== undefined) pairs.push(...credentials)
  return pairs
}

const secretName = /auth|key|token|secret|cookie|credential|passw|session|signature/
const secretValue = /^(?:bearer|basic|token|apikey)\s|^sk-/i

/** Lower-case names of headers with credentials: from `auth`, and static headers whose names suggest it. */
export function credentialNames(config: Pick<EndpointConfig, 'headers' | 'auth'>): ReadonlySet<string> {
  const names = new Set<string>()
  for (const [name, value] of Object.entries(config.headers)) {
    const lower = name.toLowerCase()
    if (secretName.test(lower) || secretValue.test(value)) names.add(lower)
  }
  if (config.auth !== undefined) names.add(authHeader(config.auth)[0].toLowerCase())
  return names
}
