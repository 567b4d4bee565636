import { mayCarryCredentials, operationOf } from '../../dialects/requests/operation.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { headerName } from '../../http/headers/header-name.ts'
import { namesOfConnection } from '../../http/headers/hop-by-hop.ts'
import { PairList } from '../../http/headers/pair-list.ts'
import { hasHeader } from '../../http/headers/response-headers.ts'
import { withoutKeys } from '../../kernel/names/key-like.ts'
import type { IdentityHeaders } from '../contract/caller.ts'

/** Where the request comes from, as reported to the endpoint. */
export interface ForwardedBy {
  /** Complete `X-Forwarded-For`, with the address of the client's connection appended. */
  readonly forwardedFor: string
  readonly clientAddress: string
  readonly protocol: 'http' | 'https'
  readonly host: string | undefined
  /** `X-Model`: the requested model, if a header can hold it. */
  readonly model: string | undefined
  /** Replaces the client's `Content-Type`; undefined keeps it. */
  readonly contentType?: string | undefined
  /** Whether the peer is a trusted proxy, whose statements about the client are forwarded. */
  readonly isTrusted?: boolean
  /** Whether the gateway itself decides which origins are allowed, so that endpoints need not know the origin. */
  readonly answersCors?: boolean
  /** Whether the gateway reads the answer as it passes, so that it must not be compressed. */
  readonly readsAnswer?: boolean
  /** Whether clients have API keys of the gateway, which an endpoint must not get in any header. */
  readonly hidesKeys?: boolean
  /** Headers that name callers to the gateway, where a trusted proxy does so. */
  readonly identity?: IdentityHeaders | undefined
  /** Version of the gateway. */
  readonly version: string
  /** The gateway's own entry in `Via`. */
  readonly viaEntry: string
}

/** Names and values that `forwardedHeaders` adds at most. */
const addedByGateway = 18

/**
 * The headers that every attempt of a request sends, as flat name/value pairs (contract 7.3).
 * @param rawHeaders as `IncomingMessage.rawHeaders`
 */
export function forwardedHeaders(rawHeaders: readonly string[], by: ForwardedBy): string[] {
  const connectionNames = namesOfConnection(rawHeaders)
  const headers = new PairList(rawHeaders.length + addedByGateway + (by.identity?.pairs.length ?? 0))
  let via = ''
  let hasProtocol = false
  let hasHost = false
  const { identity, hidesKeys = false } = by
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const { text, lower, dashed, role, goesUp } = headerName(rawHeaders[at] ?? '')
    const value = rawHeaders[at + 1] ?? ''
    if (role === 'via') via = via === '' ? value : `${via}, ${value}`
    if (!goesUp) continue
    if (identity?.names.has(dashed) === true) continue
    if (connectionNames.size > 0 && connectionNames.has(lower)) continue
    if (role !== undefined) {
      if (role === 'content-type' && by.contentType !== undefined) continue
      if (role === 'origin' && by.answersCors === true) continue
      if (role === 'encoding' && by.readsAnswer === true) continue
      if (role === 'forwarded' || role === 'protocol' || role === 'host') {
        if (by.isTrusted !== true) continue
        if (role === 'protocol') hasProtocol = true
        else if (role === 'host') hasHost = true
      }
    }
    headers.add(text, hidesKeys ? withoutKeys(value) : value)
  }
  if (by.contentType !== undefined) headers.add('Content-Type', by.contentType)
  if (by.readsAnswer === true) headers.add('Accept-Encoding', 'identity')

  headers.add('X-Proxied-By', `Olla/${by.version}`)
  headers.add('Via', via === '' ? by.viaEntry : `${via}, ${by.viaEntry}`)
  headers.add('X-Forwarded-For', by.forwardedFor)
  headers.add('X-Real-IP', by.clientAddress)
  if (!hasProtocol) headers.add('X-Forwarded-Proto', by.protocol)
  if (!hasHost && by.host !== undefined) headers.add('X-Forwarded-Host', by.host)
  if (by.model !== undefined) headers.add('X-Model', by.model)
  if (identity !== undefined && identity.pairs.length > 0) headers.addAll(identity.pairs)
  return headers.end()
}

/**
 * The endpoint's configured headers for a request. Its credentials are sent with inference and model lists only: on any
 * other path a client would act as the endpoint's owner (LiteLLM's master key creates keys).
 * @param path without the endpoint's base path
 */
export function ownHeaders(endpoint: Endpoint, method: string, path: string): readonly string[] {
  const { headers, credentialNames, profile } = endpoint
  if (credentialNames.size === 0 || mayCarryCredentials(method, operationOf(path), profile?.paths))
    return headers
  const open: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    if (!credentialNames.has(name.toLowerCase())) open.push(name, headers[at + 1] ?? '')
  }
  return open
}

/** How an attempt's headers differ from those of the request. */
export interface AttemptForm {
  /** Whether the gateway reads the answer, so that it must not be compressed. */
  readonly isPlain?: boolean
  /** Flat name/value pairs that replace the client's of the same name. */
  readonly replaced?: readonly string[] | undefined
}

const noPairs: readonly string[] = []
const unchanged: AttemptForm = {}

/**
 * The headers of one attempt: the endpoint's own replace the client's of the same name.
 * @param own from `ownHeaders`
 */
export function attemptHeaders(
  forwarded: readonly string[],
  endpoint: Endpoint,
  own: readonly string[],
  { isPlain = false, replaced = noPairs }: AttemptForm = unchanged,
): readonly string[] {
  if (endpoint.headers.length === 0 && !isPlain && replaced.length === 0) return forwarded
  const headers = new PairList(forwarded.length + replaced.length + own.length)
  for (let at = 0; at < forwarded.length; at += 2) {
    const { text, dashed, role } = headerName(forwarded[at] ?? '')
    if (endpoint.secretHeaderNames.has(dashed) || (isPlain && role === 'encoding')) continue
    if (!hasHeader(replaced, text)) headers.add(text, forwarded[at + 1] ?? '')
  }
  for (let at = 0; at < replaced.length; at += 2) {
    const { text, dashed } = headerName(replaced[at] ?? '')
    if (!endpoint.secretHeaderNames.has(dashed)) headers.add(text, replaced[at + 1] ?? '')
  }
  headers.addAll(own)
  return headers.end()
}

/** Whether a text is a valid header value (RFC 9110 section 5.5): the client chooses the model name. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
}

/** A name as a header value: unchanged, or percent-encoded if it has a character that a header cannot hold. */
export function headerText(name: string): string {
  return isHeaderValue(name) ? name : encodeURIComponent(name.toWellFormed())
}

/** A model name as a header value. */
export function shown(model: string | undefined): string | undefined {
  return model === undefined ? undefined : headerText(model)
}

/** The values of a header as one. */
export function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}
