import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { compress } from './compression.ts'

/** A route for GET and HEAD whose answer is compressed for clients that accept it. */
export function getRoute(
  app: FastifyInstance,
  url: string,
  handler: (request: FastifyRequest, reply: FastifyReply) => unknown,
): void {
  app.route({ method: ['GET', 'HEAD'], url, exposeHeadRoute: false, onSend: compress, handler })
}
