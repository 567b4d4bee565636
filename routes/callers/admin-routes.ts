import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'

/** Prepares a scope for routes whose bodies and queries are validated by their handlers, with messages of their own. */
export function prepareAdminRoutes(app: FastifyInstance): void {
  app.setValidatorCompiler(() => () => true)
  app.addHook('onSend', function storeNothing(_request, reply, payload, next) {
    reply.header('Cache-Control', 'no-store')
    next(null, payload)
  })
}

/** Options of a route that shows something. */
export function shows(schema: FastifySchema) {
  return { config: { internalAccess: 'gated' }, schema } as const
}

/** Options of a route that changes something. */
export function changes(schema: FastifySchema) {
  return { config: { internalAccess: 'change' }, schema } as const
}

/** Answers with a table that browsers save. */
export function sendCsv(reply: FastifyReply, filename: string, csv: string): FastifyReply {
  return reply
    .type('text/csv; charset=utf-8')
    .header('Content-Disposition', `attachment; filename="${filename}"`)
    .serializer((text: string) => text)
    .send(csv)
}

/** Who makes a change, for the audit. */
export function actorOf({ gateway, headers }: FastifyRequest): string {
  return headers.authorization === undefined ? gateway.clientAddress : `${gateway.clientAddress} (token)`
}
