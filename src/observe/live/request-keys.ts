import { randomBytes } from 'node:crypto'

/**
 * IDs of the gateway's own for requests: those that clients see may be chosen by clients, and stand twice. No
 * two threads or runs have the same opening, so an old page cannot cancel a new request by mistake.
 */
export class RequestKeys {
  readonly #opening = randomBytes(4).toString('hex')

  keyOf(serial: number): string {
    return `${this.#opening}-${serial.toString(36)}`
  }
}
