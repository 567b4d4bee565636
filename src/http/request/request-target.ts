import type { IncomingMessage } from 'node:http'
import { Remembered } from '../../kernel/remembered.ts'
import { isHost } from '../headers/host-field.ts'

/** Operations whose path some clients end with a slash; without a redirect, servers would not recognize it. */
const slashed =
  /\/(?:completions|messages|count_tokens|embeddings|responses|rerank|score|chat|generate|embed|show|tags|ps|version|health|ready)\/(?=\?|$)/

/** Scheme and authority of an absolute target (RFC 9112 section 3.2.2), which must have a host. */
const absolute = /^https?:\/\/(?:[^/?#]*@)?([^/?#@]+)(?=[/?#]|$)/i

/** Cache of targets that are in origin form already. */
const inOriginForm = new Remembered<true>()

/**
 * Converts a request target of any form to path and query: clients with `HTTP_PROXY` set send absolute targets, and
 * base URLs that end with a slash lead to doubled slashes (nginx merges them too) or a trailing one.
 * @returns the same string if it is in origin form already or is not an HTTP target
 */
export function originForm(target: string): string {
  if (inOriginForm.get(target) === true) return target
  const origin = toOriginForm(target)
  if (origin === target) inOriginForm.set(target, true)
  return origin
}

function toOriginForm(target: string): string {
  const path = target.charCodeAt(0) === 0x2f ? target : withoutAuthority(target)
  if (path === undefined) return target
  const merged = withMergedSlashes(path)
  if (!merged.endsWith('/') && !merged.includes('/?')) return merged
  const end = slashed.exec(merged)
  const mark = merged.indexOf('?')
  if (end === null || (mark >= 0 && end.index > mark)) return merged
  const slash = end.index + end[0].length - 1
  return merged.slice(0, slash) + merged.slice(slash + 1)
}

function withMergedSlashes(path: string): string {
  const slashes = path.indexOf('//')
  if (slashes < 0) return path
  const mark = path.indexOf('?')
  if (mark < 0) return path.replace(/\/{2,}/g, '/')
  if (mark < slashes) return path
  return path.slice(0, mark).replace(/\/{2,}/g, '/') + path.slice(mark)
}

/** Converts a request's target to origin form, once, before routing; the host of an absolute target replaces `Host`. */
export function takeOriginForm(request: IncomingMessage): void {
  const { url = '/' } = request
  const authority = targetAuthority(url)
  // An invalid host is rejected later, because the target is still absolute.
  if (authority !== undefined && !isHost(authority)) return
  const target = originForm(url)
  if (target === url) return
  request.url = target
  if (authority !== undefined) request.headers.host = authority
}

/** Authority of an absolute target without userinfo, which replaces `Host`; undefined for other forms. */
export function targetAuthority(target: string): string | undefined {
  if (target.charCodeAt(0) === 0x2f) return undefined
  return absolute.exec(target)?.[1]
}

function withoutAuthority(target: string): string | undefined {
  const found = absolute.exec(target)
  if (found === null) return undefined
  const rest = target.slice(found[0].length)
  return rest.startsWith('/') ? rest : `/${rest}`
}
