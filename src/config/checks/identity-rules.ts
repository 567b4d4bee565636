import ipaddr from 'ipaddr.js'
import { issuersOf, listed } from '../options/issuers.ts'
import type { KeyPath, Problem } from '../schema/diagnostics.ts'
import type { IssuerConfig } from '../schema/identity-schema.ts'
import type { GatewayConfig } from '../schema/schema.ts'

type Callers = GatewayConfig['callers']

/** Header names that clients and connections use for other things: a caller's name in them would be removed. */
const otherHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'host',
  'connection',
  'content-type',
  'content-length',
  'cookie',
  'x-forwarded-for',
])

/** What the schemas of `jwt` and `trusted_header` cannot express. */
export function checkIdentity({ jwt, trusted_header: header, store, teams }: Callers): Problem[] {
  const problems: Problem[] = []
  const error = (path: KeyPath, message: string) =>
    problems.push({ severity: 'error', path: ['callers', ...path], message })
  const known = new Set(teams.map(({ name }) => name))
  const issuers = listed(jwt).map((each, index) => ({
    path: Array.isArray(jwt) ? ['jwt', index] : ['jwt'],
    rules: each,
  }))
  for (const { path, rules } of [...issuers, { path: ['trusted_header'], rules: header }]) {
    if (store !== '') continue
    const missing = (name: string) => `there is no team "${name}"`
    const { default_team: fallback } = rules
    if (fallback !== undefined && !known.has(fallback)) error([...path, 'default_team'], missing(fallback))
    for (const [group, team] of Object.entries(rules.teams))
      if (!known.has(team)) error([...path, 'teams', group], missing(team))
  }
  for (const [index, network] of header.networks.entries()) {
    if (!ipaddr.isValidCIDR(network.trim()))
      error(['trusted_header', 'networks', index], `"${network}" is not a network such as 10.0.0.0/8`)
  }
  for (const key of ['user', 'groups'] as const) {
    const name = header[key]
    if (key === 'groups' && name === '') continue
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) error(['trusted_header', key], 'is not a header name')
    else if (otherHeaders.has(name.toLowerCase()))
      error(['trusted_header', key], `"${name}" has another meaning`)
  }
  if (header.user.toLowerCase() === header.groups.toLowerCase())
    error(['trusted_header', 'groups'], 'is the same header as "user"')
  for (const { path, rules } of issuers) {
    checkIssuer(rules, (keys, message) => error([...path, ...keys], message))
    const isTwice = (key: 'issuer' | 'name') =>
      rules.issuer !== '' && issuersOf(jwt).filter((each) => each[key] === rules[key]).length > 1
    if (isTwice('issuer')) error([...path, 'issuer'], 'is in the list twice')
    else if (isTwice('name'))
      error([...path, 'name'], 'is the name of two issuers: callers of both could have the same ID')
  }
  return problems
}

function checkIssuer(jwt: IssuerConfig, error: (path: KeyPath, message: string) => void): void {
  if (jwt.claims.id === '') error(['claims', 'id'], 'is needed')
  if (/[^\w.-]/.test(jwt.name)) error(['name'], 'may have letters, digits, "_", "-" and "." only')
  if (jwt.issuer === '') {
    if (jwt.audience.length > 0 || jwt.jwks_url !== undefined)
      error(['issuer'], 'is needed: without it, no tokens are accepted')
    return
  }
  for (const [key, url] of [
    ['issuer', jwt.issuer],
    ['jwks_url', jwt.jwks_url],
  ] as const) {
    // With `jwks_url` the issuer is a name only.
    if (url === undefined || (key === 'issuer' && jwt.jwks_url !== undefined)) continue
    const message = problemOfUrl(url, key === 'issuer')
    if (message !== undefined) error([key], message)
  }
  if (jwt.audience.every((audience) => audience === ''))
    error(['audience'], 'is needed: a token for another service must not be accepted')
}

/** Keys that anyone on the network could replace would make every token valid. */
function problemOfUrl(text: string, isIssuer: boolean): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) return 'must be an https URL'
  if (url.username !== '' || url.password !== '') return 'must not hold credentials'
  if (isIssuer && (url.search !== '' || url.hash !== '')) return 'must have neither query nor fragment'
  if (url.protocol === 'http:' && !/^(?:localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/.test(url.hostname))
    return 'must be an https URL, unless it is on this machine'
  return undefined
}
