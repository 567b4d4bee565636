import { isRecord } from '../../config/file/decode.ts'

/** A public key of an issuer (RFC 7517): plain data, sent between threads. */
export type PublicKey = Readonly<Record<string, string>> & { readonly kty: string }

const keyTypes: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP'])
/** Members of a public key. Others are dropped, so that no private key spreads. */
const members = ['kty', 'kid', 'alg', 'use', 'crv', 'x', 'y', 'n', 'e'] as const
const maxKeys = 100
/** An RSA key of 16,384 bits. */
const maxMemberLength = 4_096

/**
 * Reads the keys of an issuer that verify signatures. Symmetric keys are dropped.
 * @throws Error if there are none
 */
export function readKeySet(body: Buffer): PublicKey[] {
  const document = readJson(body, 'the key set')
  if (!Array.isArray(document.keys)) throw new Error('the key set has no list of keys')
  const keys = document.keys.slice(0, maxKeys).flatMap((key: unknown) => publicKey(key) ?? [])
  if (keys.length === 0) throw new Error('the key set has no key for signatures')
  return keys
}

/**
 * Reads where an issuer has its keys (OpenID Connect Discovery 1.0, section 4.3).
 * @throws Error if the document is of another issuer, or has no such URL
 */
export function readDiscovery(body: Buffer, issuer: string): string {
  const { issuer: named, jwks_uri: url } = readJson(body, 'the discovery document')
  if (named !== issuer) throw new Error('the discovery document is of another issuer')
  if (typeof url !== 'string' || !isKeysUrl(url) || (isHttps(issuer) && !isHttps(url)))
    throw new Error('the discovery document has no https URL of keys')
  return url
}

/** Where the discovery document of an issuer is. */
export function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

/** Whether keys may be fetched from a URL: over TLS, or from this machine. */
export function isKeysUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

function isHttps(text: string): boolean {
  return text.toLowerCase().startsWith('https:')
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function publicKey(key: unknown): PublicKey | undefined {
  if (!isRecord(key) || !keyTypes.has(key.kty)) return undefined
  if (key.use !== undefined && key.use !== 'sig') return undefined
  const found: Record<string, string> & { kty: string } = { kty: String(key.kty) }
  for (const name of members) {
    const value = key[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || value.length > maxMemberLength) return undefined
    found[name] = value
  }
  return found
}

function readJson(body: Buffer, what: string): Record<string, unknown> {
  let document: unknown
  try {
    document = JSON.parse(body.toString())
  } catch {
    throw new Error(`${what} is not JSON`)
  }
  if (!isRecord(document)) throw new Error(`${what} is not an object`)
  return document
}
