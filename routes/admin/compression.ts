import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

const gzip = promisify(gzipCallback)

/** Below this a compressed answer is hardly smaller; bytes (contract 1.6). */
const minBytes = 256
const level = 6
const maxHeaderBytes = 1024

/** An `onSend` hook: gzip for clients that take it. */
export async function compress(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  addVary(reply, 'Accept-Encoding')
  if (typeof payload !== 'string' || Buffer.byteLength(payload) < minBytes) return payload
  if (!acceptsGzip(request.headers['accept-encoding'])) return payload
  const compressed = await gzip(payload, { level })
  reply.header('Content-Encoding', 'gzip')
  reply.removeHeader('Content-Length')
  return compressed
}

/** Whether `Accept-Encoding` prefers gzip to no encoding, or at least equally (RFC 9110 section 12.5.3). */
export function acceptsGzip(acceptEncoding: string | string[] | undefined): boolean {
  const header = Array.isArray(acceptEncoding) ? acceptEncoding.join(',') : acceptEncoding
  if (header === undefined || header.length > maxHeaderBytes) return false
  const weights = new Map<string, number>()
  for (const part of header.split(',')) {
    const [coding = '', ...parameters] = part.split(';')
    weights.set(coding.trim().toLowerCase(), quality(parameters))
  }
  const gzipWeight = weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0
  return gzipWeight > 0 && gzipWeight >= (weights.get('identity') ?? 0)
}

/** The `q` of a coding: 1 by default, 0 where it is not a number from 0 to 1. */
function quality(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=')
    if (name.trim().toLowerCase() !== 'q') continue
    return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value.trim()) ? Number(value) : 0
  }
  return 1
}

/** Another plugin (CORS) may have named a header already. */
function addVary(reply: FastifyReply, name: string): void {
  const present = reply.getHeader('Vary')
  reply.header('Vary', present === undefined ? name : `${String(present)}, ${name}`)
}
