import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import { negotiate } from '@fastify/accept-negotiator'
import type { FastifyReply, FastifyRequest } from 'fastify'

const gzip = promisify(gzipCallback)

/** Below this size compression saves almost nothing; bytes (contract 1.6). */
const minBytes = 256
const level = 6
const maxHeaderBytes = 1024

/** An `onSend` hook: gzip for clients that accept it. */
export async function compress(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  addVary(reply, 'Accept-Encoding')
  if (typeof payload !== 'string' || Buffer.byteLength(payload) < minBytes) return payload
  if (chooseCoding(request.headers['accept-encoding'], ['gzip']) !== 'gzip') return payload
  const compressed = await gzip(payload, { level })
  reply.header('Content-Encoding', 'gzip')
  reply.removeHeader('Content-Length')
  return compressed
}

const refusal = /(?:^|,)\s*([^\s,;]+)\s*;\s*q\s*=\s*0(?:\.0*)?\s*(?=,|$)/g

/**
 * The coding that an `Accept-Encoding` prefers (RFC 9110 section 12.5.3); `identity` if it accepts none of these.
 * @param codings best first, without `identity`
 */
export function chooseCoding<Coding extends string>(
  acceptEncoding: string | string[] | undefined,
  codings: readonly Coding[],
): Coding | 'identity' {
  const field = Array.isArray(acceptEncoding) ? acceptEncoding.join(',') : acceptEncoding
  if (field === undefined || field.length > maxHeaderBytes) return 'identity'
  const header = field.toLowerCase().replaceAll('x-gzip', 'gzip')
  // For `*` the negotiator returns its first value, even if the header refuses that one by name.
  const refused = new Set(Array.from(header.matchAll(refusal), ([, name]) => name))
  const offered = [...codings, 'identity' as const].filter((coding) => !refused.has(coding))
  return negotiate(header, offered) ?? 'identity'
}

/** Another plugin (CORS) may have set the header already. */
function addVary(reply: FastifyReply, name: string): void {
  const present = reply.getHeader('Vary')
  reply.header('Vary', present === undefined ? name : `${String(present)}, ${name}`)
}
