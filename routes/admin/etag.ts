import type { FastifyReply, FastifyRequest } from 'fastify'

/** A longer `If-None-Match` does not match; bytes. */
const maxHeaderBytes = 1024

/** Fields that change with time while the described object stays the same. */
const volatileFields: ReadonlySet<string> = new Set([
  'timestamp',
  'uptime',
  'last_check',
  'next_check',
  'health_check',
  'health_check_at',
  'next_check_at',
  'last_updated',
  'last_model_sync',
  'last_model_sync_at',
  'last_seen',
  'last_seen_at',
  'retry_at',
])

/** A weak entity tag of an answer without its time fields (contract 1.6). */
export function weakTag(view: object): string {
  const stable = JSON.stringify(view, (key, value: unknown) => (volatileFields.has(key) ? undefined : value))
  return `W/"${fnv1a64(stable).toString(36)}"`
}

/** Whether `If-None-Match` contains the tag; weak comparison (RFC 9110 section 8.8.3.2). */
export function matchesTag(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch.length > maxHeaderBytes) return false
  if (ifNoneMatch.trim() === '*') return true
  const wanted = opaque(tag)
  return ifNoneMatch.split(',').some((candidate) => opaque(candidate.trim()) === wanted)
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag
}

/** FNV-1a over UTF-8, 64 bits, in two halves: BigInt arithmetic for each byte would be slow. */
export function fnv1a64(text: string): bigint {
  let high = 0xcbf29ce4
  let low = 0x84222325
  for (const byte of Buffer.from(text)) {
    low = (low ^ byte) >>> 0
    // The prime is 2^40 + 0x1b3.
    const product = low * 0x1b3
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 0x1_0000_0000) + (low << 8)) >>> 0
    low = product >>> 0
  }
  return (BigInt(high) << 32n) | BigInt(low)
}

/** Sends a view with its tag, or a 304 without a body if the client has it. */
export function sendTagged(request: FastifyRequest, reply: FastifyReply, view: object): FastifyReply {
  const tag = weakTag(view)
  reply.header('ETag', tag).header('Cache-Control', 'private, no-cache')
  return matchesTag(request.headers['if-none-match'], tag) ? reply.code(304).send() : reply.send(view)
}
