import type { Readable } from 'node:stream'
import type { Attempt } from '../exchange/attempt.ts'
import type { Transport, UpstreamRequest } from './transport.ts'
import { TurnQueue } from './turn-queue.ts'

interface DueRequest {
  readonly attempt: Attempt
  readonly request: UpstreamRequest
}

/** Sends what one turn of the event loop has brought at its end. */
export class TurnTransport implements Transport {
  readonly #transport: Transport
  readonly #due = new TurnQueue<DueRequest>((due) => this.#send(due))

  constructor(transport: Transport) {
    this.#transport = transport
  }

  get keepsBodiesBelow(): number {
    return this.#transport.keepsBodiesBelow
  }

  send(attempt: Attempt, request: UpstreamRequest): void {
    this.#due.push({ attempt, request })
  }

  #send({ attempt, request }: DueRequest): void {
    if (attempt.isOver) {
      if (isStream(request.body)) request.body.destroy()
      return
    }
    try {
      this.#transport.send(attempt, request)
    } catch (error) {
      attempt.onError(error)
    }
  }
}

function isStream(body: UpstreamRequest['body']): body is Readable {
  return body !== null && !Buffer.isBuffer(body)
}
