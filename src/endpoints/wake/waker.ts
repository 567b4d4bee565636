import type { Clock, Timer } from '../../kernel/clock.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { Topic } from '../../runtime/links/peer-link.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import { magicPacket } from './magic-packet.ts'

/** A request needs an endpoint that is down; the number of its row. */
export const wakeTopic: Topic<number> = 'endpoints.wake'

export interface WakerServices {
  readonly clock: Clock
  readonly registry: Pick<EndpointRegistry, 'snapshot' | 'isRoutable' | 'service'>
  readonly events: Pick<EventBus, 'publish'>
  /** Rejects if the packet could not be sent. */
  readonly send: (packet: Buffer, port: number, address: string) => Promise<void>
  readonly probe: (slot: number) => Promise<void>
}

interface Waking {
  /** Monotonic milliseconds of the first packet. */
  readonly firstAtMs: number
  timer: Timer
}

/** A machine that starts is probed so often; its own interval may be longer. */
const probeMs = 1_000

/** Sends magic packets to the machines of endpoints that requests need; on the control thread. */
export class Waker {
  readonly #services: WakerServices
  readonly #waking = new Map<number, Waking>()
  /** Monotonic milliseconds of the last packet, by slot. */
  readonly #sentAtMs = new Map<number, number>()

  constructor(services: WakerServices) {
    this.#services = services
  }

  /** Called for each request that waits: one packet is sent per interval. */
  wake(slot: number): void {
    const { clock, registry } = this.#services
    const endpoint = registry.snapshot.bySlot[slot]
    if (endpoint?.wake === undefined || registry.isRoutable(slot)) return
    if (registry.service(slot) !== 'serving') return
    const nowMs = clock.monotonicMs()
    const sentAtMs = this.#sentAtMs.get(slot)
    if (sentAtMs !== undefined && nowMs - sentAtMs < endpoint.wake.intervalMs) return
    this.#sentAtMs.set(slot, nowMs)
    void this.#send(endpoint)
    if (this.#waking.has(slot)) return
    const waking: Waking = { firstAtMs: nowMs, timer: { cancel() {} } }
    this.#waking.set(slot, waking)
    this.#watch(endpoint, waking)
  }

  /** An endpoint was removed, or describes another machine. */
  forget(slot: number): void {
    this.#waking.get(slot)?.timer.cancel()
    this.#waking.delete(slot)
    this.#sentAtMs.delete(slot)
  }

  stop(): void {
    for (const { timer } of this.#waking.values()) timer.cancel()
    this.#waking.clear()
  }

  async #send({ name, wake }: Endpoint): Promise<void> {
    if (wake === undefined) return
    const { events, send } = this.#services
    try {
      await send(magicPacket(wake.mac), wake.port, wake.address)
      events.publish('endpoint.wake', { endpoint: name, state: 'sent', reason: undefined })
    } catch (error) {
      const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
      events.publish('endpoint.wake', { endpoint: name, state: 'failed', reason })
    }
  }

  /** Probes until the endpoint answers, at most as long as a request waits for it after the last packet. */
  #watch(endpoint: Endpoint, waking: Waking): void {
    const { clock, registry, probe, events } = this.#services
    const { slot, name, wake } = endpoint
    const waitMs = Math.max(wake?.waitMs ?? 0, wake?.intervalMs ?? 0)
    waking.timer = clock.after(probeMs, () => {
      void probe(slot).finally(() => {
        if (this.#waking.get(slot) !== waking) return
        const nowMs = clock.monotonicMs()
        const seconds = Math.round((nowMs - waking.firstAtMs) / 1_000)
        if (registry.isRoutable(slot)) {
          this.#waking.delete(slot)
          events.publish('endpoint.wake', { endpoint: name, state: 'awake', reason: `after ${seconds} s` })
        } else if (nowMs - (this.#sentAtMs.get(slot) ?? 0) >= waitMs) {
          this.#waking.delete(slot)
          events.publish('endpoint.wake', {
            endpoint: name,
            state: 'no_answer',
            reason: `not within ${seconds} s`,
          })
        } else this.#watch(endpoint, waking)
      })
    })
  }
}
