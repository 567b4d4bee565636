import { Remembered } from '../../kernel/remembered.ts'
import { hopByHopNames } from './hop-by-hop.ts'

/** Headers that the gateway reads while it copies the others. */
export type HeaderRole =
  | 'connection'
  | 'via'
  | 'protocol'
  | 'host'
  | 'forwarded'
  | 'encoding'
  | 'content-type'
  | 'origin'
  | 'cors'
  | 'location'
  | 'link'
  | undefined

/** Properties of a header that follow from its name. */
export interface HeaderName {
  readonly lower: string
  /** `lower` with dashes for underscores: CGI and WSGI servers treat both as the same header. */
  readonly dashed: string
  /** The name as spelled, always the same string: its hash is cached, which speeds up table lookups. */
  readonly text: string
  readonly role: HeaderRole
  /** Whether it is a valid name (RFC 9110 section 5.1). */
  readonly isToken: boolean
  /** `text` and what separates it from the value, in Latin-1. */
  readonly label: Uint8Array
  /** Whether the gateway may forward it from a client to an endpoint. */
  readonly goesUp: boolean
  /** Whether the gateway may forward it from an endpoint to a client. */
  readonly goesDown: boolean
}

/** Client headers that never reach an endpoint, besides the hop-by-hop ones. */
const keptFromEndpoints: ReadonlySet<string> = new Set([
  // Credentials (contract 7.3) and their names at Azure, Google and LiteLLM.
  'authorization',
  'cookie',
  'x-api-key',
  'x-auth-token',
  'api-key',
  'x-goog-api-key',
  'x-litellm-api-key',
  'ocp-apim-subscription-key',
  // Set by the connection to the endpoint.
  'host',
  'content-length',
  'expect',
  // The gateway forwards bodies decoded.
  'content-encoding',
  // Set by the gateway itself, or meaningless to an endpoint.
  'via',
  'x-forwarded-for',
  'x-real-ip',
  'x-proxied-by',
  'x-model',
  'x-olla-overhead',
  // Client addresses in the headers of other proxies: unverified.
  'true-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'fastly-client-ip',
  'fly-client-ip',
  'do-connecting-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-envoy-external-address',
  'x-appengine-user-ip',
  'x-azure-clientip',
  'x-remote-ip',
  'x-remote-addr',
  'x-originating-ip',
  'x-original-forwarded-for',
  'client-ip',
  'remote-addr',
  // Override the path or method that the gateway has checked.
  'x-original-url',
  'x-original-uri',
  'x-original-method',
  'x-original-host',
  'x-rewrite-url',
  'x-rewrite-uri',
  'x-forwarded-uri',
  'x-forwarded-path',
  'x-forwarded-method',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-host',
])

/** Names that end like a credential or an unverified client address, with any prefix. */
const credentialName =
  /(?:^|-)(?:api-?key|(?:auth|access|admin|secret|subscription|functions|master|litellm)-?key|(?:auth|access|id|refresh|session|security|admin|bearer)-?token|authorization|auth-?secret|password|jwt-assertion|helicone-auth)$/
const addressName =
  /(?:^|-)(?:(?:client|real|remote|source|src|(?:proxy-?)?user|peer|originating|connecting|true|forwarded|socket)-?(?:ip|ipv[46]|addr|address)|clientip|client-connection-ip)$/

/** Names by which proxies describe the client and its connection; forwarded only from trusted proxies. */
const proxyName =
  /^(?:x-forwarded-|x-auth-request-|x-webauth-|x-authentik-|x-pomerium-|x-vouch-|x-goog-(?:iap|authenticated-user)-|x-amzn-(?:oidc|mtls)-|x-ms-client-principal|x-ms-token-|cf-access-|tailscale-user-|x-consumer-|x-credential-|x-authenticated-|x-remote-|remote-|ssl-client-|x-ssl-|x-client-(?:cert|dn|verify)|x-arr-|x-envoy-|x-token-subject|x-userinfo)/

/**
 * Response headers of an endpoint that never reach the client, besides the hop-by-hop ones (contract 7.4). Only the
 * gateway itself sends `X-Olla-*`.
 */
const keptFromClients: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'x-auth-token',
  'set-cookie',
  'x-served-by',
  'via',
  'set-cookie2',
  // Alternative routes to this host (RFC 7838), and another form of `Location`.
  'alt-svc',
  'refresh',
  // The endpoint requests credentials from the gateway, not from the client.
  'www-authenticate',
  'authentication-info',
  'proxy-status',
  // Instructions to a browser that would apply to the gateway's whole origin.
  'strict-transport-security',
  'public-key-pins',
  'public-key-pins-report-only',
  'expect-ct',
  'clear-site-data',
  'service-worker-allowed',
  'nel',
  'report-to',
  'reporting-endpoints',
  'accept-ch',
  'critical-ch',
  'origin-trial',
  'speculation-rules',
  // Instructions to a proxy in front of the gateway: nginx serves the file that `X-Accel-Redirect` names.
  'x-accel-redirect',
  'x-accel-expires',
  'x-accel-limit-rate',
  'x-accel-charset',
  'x-sendfile',
  'x-lighttpd-send-file',
  'x-litespeed-location',
  'x-reproxy-url',
  'surrogate-control',
  'surrogate-key',
  'cdn-cache-control',
  'cache-tag',
])

const roles: Readonly<Record<string, HeaderRole>> = {
  connection: 'connection',
  via: 'via',
  'x-forwarded-proto': 'protocol',
  'x-forwarded-host': 'host',
  // Accepted from trusted proxies only.
  forwarded: 'forwarded',
  'x-forwarded': 'forwarded',
  'x-forwarded-port': 'forwarded',
  'x-forwarded-prefix': 'forwarded',
  'x-forwarded-server': 'forwarded',
  'x-forwarded-scheme': 'forwarded',
  'x-forwarded-ssl': 'forwarded',
  'x-scheme': 'forwarded',
  'x-url-scheme': 'forwarded',
  'front-end-https': 'forwarded',
  // Client identity, as an authenticating proxy reports it.
  'x-forwarded-user': 'forwarded',
  'x-forwarded-email': 'forwarded',
  'x-forwarded-groups': 'forwarded',
  'x-forwarded-preferred-username': 'forwarded',
  'x-forwarded-access-token': 'forwarded',
  'x-forwarded-client-cert': 'forwarded',
  'x-auth-request-user': 'forwarded',
  'x-auth-request-email': 'forwarded',
  'x-remote-user': 'forwarded',
  'remote-user': 'forwarded',
  'x-webauth-user': 'forwarded',
  'x-authenticated-user': 'forwarded',
  'x-ssl-client-cert': 'forwarded',
  'accept-encoding': 'encoding',
  'content-type': 'content-type',
  origin: 'origin',
  'access-control-request-method': 'origin',
  'access-control-request-headers': 'origin',
  'access-control-request-private-network': 'origin',
  location: 'location',
  'content-location': 'location',
  'operation-location': 'location',
  'azure-asyncoperation': 'location',
  link: 'link',
}

const known = new Remembered<HeaderName>()

/** Describes each spelling once: lower-casing and the set lookups would cost more than all other work on a header. */
export function headerName(text: string): HeaderName {
  const found = known.get(text)
  if (found !== undefined) return found
  const name = describe(text)
  known.set(text, name)
  return name
}

function describe(text: string): HeaderName {
  const lower = text.toLowerCase()
  const dashed = lower.replaceAll('_', '-')
  const isHopByHop = hopByHopNames.has(dashed)
  const isCors = lower.startsWith('access-control-') && !Object.hasOwn(roles, lower)
  const listed = Object.hasOwn(roles, dashed) ? roles[dashed] : undefined
  const role = isCors ? 'cors' : (listed ?? (proxyName.test(dashed) ? 'forwarded' : undefined))
  const isOfClient = keptFromEndpoints.has(dashed) || credentialName.test(dashed) || addressName.test(dashed)
  // Drops a twin with underscores of a header that the gateway reads: the gateway would not recognize it, but the
  // endpoint might.
  const isTwin = dashed !== lower && role !== undefined
  return {
    lower,
    dashed,
    text,
    role,
    label: Buffer.from(`${text}: `, 'latin1'),
    isToken: /^[\w!#$%&'*+.^`|~-]+$/.test(text),
    goesUp: !isHopByHop && !isTwin && !isOfClient,
    goesDown: !isHopByHop && !keptFromClients.has(dashed) && !dashed.startsWith('x-olla-'),
  }
}
