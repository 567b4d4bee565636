import { isStream } from '../../http/client/contract.ts'
import { TurnQueue } from '../../kernel/turn-queue.ts'
import type { CarriedAttempt, Transport, UpstreamRequest } from '../contract/transport.ts'

interface QueuedRequest {
  readonly attempt: CarriedAttempt
  readonly request: UpstreamRequest
}

/** Sends the requests of one event-loop turn together at its end. */
export class TurnTransport implements Transport {
  readonly #transport: Transport
  readonly #queued = new TurnQueue<QueuedRequest>((queued) => this.#send(queued))

  constructor(transport: Transport) {
    this.#transport = transport
  }

  send(attempt: CarriedAttempt, request: UpstreamRequest): void {
    this.#queued.push({ attempt, request })
  }

  #send({ attempt, request }: QueuedRequest): void {
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
