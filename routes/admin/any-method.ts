import type { FastifyInstance } from 'fastify'

/**
 * Olla's routes below `/internal` and `/version` answer every method alike (contract 1.1), so any body is read and
 * discarded.
 */
export function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, parsed) => {
    payload.resume()
    parsed(null)
  })
}
