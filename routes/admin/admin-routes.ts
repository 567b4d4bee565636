import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify'

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
