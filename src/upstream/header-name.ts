import { hopByHopNames } from './hop-by-hop.ts'

/** What else the gateway looks at while headers pass. */
export type HeaderRole = 'connection' | 'via' | 'real-ip' | 'protocol' | 'host' | 'encoding' | undefined

/** What is known of a header by its name alone. */
export interface HeaderName {
  readonly lower: string
  /** As it is spelt, the same string each time: its hash is known, so that it is found sooner in tables. */
  readonly text: string
  readonly role: HeaderRole
  /** Whether an endpoint may get it from a client. */
  readonly goesUp: boolean
  /** Whether a client may get it from an endpoint. */
  readonly goesDown: boolean
}

/**
 * Client headers that never reach an endpoint besides the hop-by-hop ones: credentials (contract 7.3), and what
 * the connection to the endpoint sets for itself.
 */
const keptFromEndpoints: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'x-api-key',
  'x-auth-token',
  'host',
  'content-length',
  'expect',
  'via',
  'x-forwarded-for',
  'x-proxied-by',
  'x-model',
  'x-olla-overhead',
])

/**
 * Headers of an endpoint's answer that never reach the client besides the hop-by-hop ones (contract 7.4);
 * `X-Olla-*` only the gateway may say.
 */
const keptFromClients: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'x-auth-token',
  'set-cookie',
  'x-served-by',
  'via',
])

const roles: Readonly<Record<string, HeaderRole>> = {
  connection: 'connection',
  via: 'via',
  'x-real-ip': 'real-ip',
  'x-forwarded-proto': 'protocol',
  'x-forwarded-host': 'host',
  'accept-encoding': 'encoding',
}

/** Spellings that are remembered; clients choose them, so there must be an end. */
const mostSpellings = 1000
const known = new Map<string, HeaderName>()

/** Each spelling is looked at once: lower case and several sets cost more than all the rest of a header's way. */
export function headerName(text: string): HeaderName {
  const found = known.get(text)
  if (found !== undefined) return found
  const name = describe(text)
  if (known.size < mostSpellings) known.set(text, name)
  return name
}

function describe(text: string): HeaderName {
  const lower = text.toLowerCase()
  const isHopByHop = hopByHopNames.has(lower)
  return {
    lower,
    text,
    role: Object.hasOwn(roles, lower) ? roles[lower] : undefined,
    goesUp: !isHopByHop && !keptFromEndpoints.has(lower),
    goesDown: !isHopByHop && !keptFromClients.has(lower) && !lower.startsWith('x-olla-'),
  }
}
