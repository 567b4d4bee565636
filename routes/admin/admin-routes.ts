import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { type ErrorCode, GatewayError } from '../../src/kernel/errors.ts'

/** Options of a route that shows something. */
export function shows(schema: FastifySchema) {
  return { config: { internalAccess: 'gated' }, schema } as const
}

/** Options of a route that changes something. */
export function changes(schema: FastifySchema) {
  return { config: { internalAccess: 'change' }, schema } as const
}

/** Who makes a change, for the log. */
export function actorOf({ gateway, headers }: FastifyRequest): string {
  return headers.authorization === undefined ? gateway.clientAddress : `${gateway.clientAddress} (token)`
}

/** Keeps answers of a scope out of caches. */
export function neverStored(app: FastifyInstance): void {
  app.addHook('onSend', function storeNothing(_request, reply, payload, next) {
    reply.header('Cache-Control', 'no-store')
    next(null, payload)
  })
}

/** What a request for a change says besides the change itself. */
export interface ChangeRequest {
  Querystring: { dry_run?: string }
  Headers: { 'if-match'?: string }
}

/** Who asks, whether the change is only compared, and the version that it is for. @throws GatewayError */
export function changeOptions(request: FastifyRequest<ChangeRequest>) {
  return {
    by: actorOf(request),
    dryRun: dryRunOf(request.query.dry_run),
    ifVersion: versionOf(request.headers['if-match']),
  }
}

/** The entity tag of a version of the configuration. */
export function etagOf(version: number): string {
  return `"v${version}"`
}

/** Why a change of the configuration was not made. */
interface RefusedChange {
  readonly outcome: keyof typeof refusalCodes
  readonly reason: string
}

const refusalCodes = {
  unknown: 'not_found',
  exists: 'conflict',
  restart: 'conflict',
  refused: 'conflict',
  stale: 'precondition_failed',
  invalid: 'invalid_request',
} as const satisfies Record<string, ErrorCode>

/**
 * Answers a change that the control thread has made.
 * @param result undefined if the control thread did not answer in time
 * @throws GatewayError if the change was refused
 */
export function sendChange<Made extends { readonly version: number }>(
  reply: FastifyReply,
  result: Made | RefusedChange | undefined,
  isNew: boolean,
  view: (made: Made) => object,
): FastifyReply {
  if (result === undefined) throw new GatewayError('out_of_resources')
  if ('reason' in result) throw new GatewayError(refusalCodes[result.outcome], result.reason)
  return reply
    .code(isNew ? 201 : 200)
    .header('ETag', etagOf(result.version))
    .send(view(result))
}

function dryRunOf(text: string | undefined): boolean {
  if (text !== undefined && text !== 'true' && text !== 'false')
    throw new GatewayError('invalid_request', 'dry_run must be true or false.')
  return text === 'true'
}

/** @returns undefined for no condition, and for `*` */
function versionOf(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '*') return undefined
  const match = /^"v([0-9]{1,15})"$/.exec(text.trim())
  // No other tag names a version.
  return match === null ? -1 : Number(match[1])
}
