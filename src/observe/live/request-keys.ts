import { randomBytes } from 'node:crypto'

/**
 * Internal request IDs, because clients may choose the visible IDs and reuse them. The prefix differs per thread and
 * run, so an outdated page cannot cancel a new request by mistake.
 */
export class RequestKeys {
  readonly #opening = randomBytes(4).toString('hex')

  keyOf(serial: number): string {
    return `${this.#opening}-${serial.toString(36)}`
  }
}
