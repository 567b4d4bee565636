import type { ServerResponse } from 'node:http'

/** The part of a Fastify reply that an exchange uses. */
export interface ClientReply {
  readonly raw: ServerResponse
  hijack(): unknown
  getHeaders(): Record<string, number | string | string[] | undefined>
  header(name: string, value: string): unknown
  send(payload: unknown): unknown
}
