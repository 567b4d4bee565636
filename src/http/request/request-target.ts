import type { IncomingMessage } from 'node:http'
import { Remembered } from '../../kernel/remembered.ts'
import { isHost } from '../headers/host-field.ts'

/** Operations whose path some clients end in a slash: only servers that redirect would know it. */
const slashed =
  /\/(?:completions|messages|count_tokens|embeddings|responses|rerank|score|chat|generate|embed|show|tags|ps|version|health|ready)\/(?=\?|$)/

/** Scheme and authority of an absolute target (RFC 9112 section 3.2.2), which has a host. */
const absolute = /^https?:\/\/(?:[^/?#]*@)?([^/?#@]+)(?=[/?#]|$)/i

/** Targets that stay as they are. */
const inOriginForm = new Remembered<true>()

/**
 * The path and query of a request's target, whatever its form: clients with `HTTP_PROXY` set send it absolute, and
 * base URLs that end in a slash make doubled ones (nginx merges them as well), and one may stand at the end.
 * @returns the same string where there is nothing to do; what is no HTTP target as it is
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

/** Brings a request's target into that form, once, before it is routed; an absolute one says the host as well. */
export function takeOriginForm(request: IncomingMessage): void {
  const { url = '/' } = request
  const authority = targetAuthority(url)
  // What is no host is refused later, by the target that is still absolute.
  if (authority !== undefined && !isHost(authority)) return
  const target = originForm(url)
  if (target === url) return
  request.url = target
  if (authority !== undefined) request.headers.host = authority
}

/** The authority of an absolute target without its user, which replaces `Host`; undefined in any other form. */
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
