import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { OperationView, StartedOperations } from '../../src/endpoints/operations/contract/operation.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { operationView } from '../../src/observe/views/operations.ts'
import type { EventBus } from '../../src/runtime/events/bus.ts'
import type { GatewayEvent } from '../../src/runtime/events/events.ts'
import { sseMessage } from '../../src/runtime/events/sse.ts'

export type StreamForm = 'lines' | 'events'

export interface OperationStreamServices {
  readonly events: Pick<EventBus, 'subscribe'>
  /** Operations by ID, once all have ended or the time is over. */
  readonly whenOver: (ids: readonly string[], waitMs: number) => Promise<readonly OperationView[] | undefined>
}

/** Streams on one thread. */
const maxStreams = 100
/** Events that a stream buffers until it knows its operations, and that wait for a slow client. */
const maxHeld = 1_000
const pollMs = 30_000
const types: Readonly<Record<StreamForm, string>> = {
  lines: 'application/x-ndjson',
  events: 'text/event-stream; charset=utf-8',
}

type OperationEvent = Extract<GatewayEvent, { type: 'model.operation' }>['data']

/** Reports the progress of operations to the clients that have ordered them and want a stream. */
export class OperationStreams {
  readonly #services: OperationStreamServices
  readonly #open = new Set<OperationStream>()

  constructor(services: OperationStreamServices) {
    this.#services = services
  }

  /** @returns undefined for a client that wants one answer */
  static formOf(accept: string | undefined): StreamForm | undefined {
    if (accept?.includes('application/x-ndjson') === true) return 'lines'
    return accept?.includes('text/event-stream') === true ? 'events' : undefined
  }

  /** Call it before the operation begins, so that it misses nothing. */
  open(form: StreamForm): OperationStream {
    if (this.#open.size >= maxStreams)
      throw new GatewayError('at_capacity', 'The maximum number of streams of operations is open.')
    const stream = new OperationStream(this.#services, form, () => this.#open.delete(stream))
    this.#open.add(stream)
    return stream
  }

  /** The gateway stops. */
  end(): void {
    for (const stream of [...this.#open]) stream.close()
  }
}

/** A client that closes its stream does not cancel the operations. */
export class OperationStream {
  readonly #services: OperationStreamServices
  readonly #form: StreamForm
  readonly #onClose: () => void
  readonly #out = new Readable({ read() {} })
  readonly #subscription: { close(): void }
  #held: OperationEvent[] = []
  /** IDs of the operations that have not ended. */
  #running: Set<string> | undefined
  #isOver = false

  constructor(services: OperationStreamServices, form: StreamForm, onClose: () => void) {
    this.#services = services
    this.#form = form
    this.#onClose = onClose
    this.#subscription = services.events.subscribe(
      (event) => {
        if (event.type === 'model.operation') this.#receive(event.data)
      },
      { types: ['model.operation'], capacity: maxHeld },
    )
    this.#out.once('close', () => this.close())
  }

  send(reply: FastifyReply, { operations, refused }: StartedOperations): FastifyReply {
    for (const { endpoint, code, reason } of refused)
      this.#write('refused', { endpoint: endpoint ?? null, code, reason })
    for (const operation of operations) this.#write('operation', operationView(operation))
    const running = operations.filter(({ state }) => state === 'running').map(({ id }) => id)
    this.#running = new Set(running)
    for (const event of this.#held) this.#receive(event)
    this.#held = []
    if (this.#running.size === 0) this.close()
    else void this.#watch()
    return reply.type(types[this.#form]).header('X-Accel-Buffering', 'no').send(this.#out)
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#subscription.close()
    this.#out.push(null)
    this.#onClose()
  }

  #receive(event: OperationEvent): void {
    if (this.#running === undefined) {
      if (this.#held.length < maxHeld) this.#held.push(event)
      return
    }
    if (!this.#running.has(event.id)) return
    const { adapter = null, completed = null, total = null } = event
    // Progress that a slow client does not read is dropped; ends are not.
    if (event.state === 'running' && this.#out.readableLength > 65_536) return
    this.#write('operation', { ...event, adapter, completed, total })
    if (event.state !== 'running') this.#ended(event.id)
  }

  /** Events may be lost where there are too many: asks for the ends as well. */
  async #watch(): Promise<void> {
    while (!this.#isOver && this.#running !== undefined) {
      const found = await this.#services.whenOver([...this.#running], pollMs)
      if (this.#isOver) return
      for (const operation of found ?? []) {
        if (operation.state === 'running' || !this.#running.has(operation.id)) continue
        this.#write('operation', operationView(operation))
        this.#ended(operation.id)
      }
      if (this.#form === 'events' && !this.#isOver) this.#out.push(': keep-alive\n\n')
    }
  }

  #ended(id: string): void {
    this.#running?.delete(id)
    if (this.#running?.size === 0) this.close()
  }

  #write(event: string, data: object): void {
    this.#out.push(this.#form === 'lines' ? `${JSON.stringify(data)}\n` : sseMessage(event, data))
  }
}
