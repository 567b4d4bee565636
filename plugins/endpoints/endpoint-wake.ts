/**
 * Wakes the machines of endpoints that requests need (Wake-on-LAN), for all threads of the gateway. Decorates nothing;
 * answers the threads over the link. Depends on the registry and the health checker. Runs where endpoints are probed. A
 * socket exists only while a packet is sent; probes of waking endpoints end on close.
 */
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import fp from 'fastify-plugin'
import { Waker, type WakerServices, wakeTopic } from '../../src/endpoints/wake/waker.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

export interface EndpointWakeOptions {
  readonly clock?: Clock
  /** Default: by UDP, as a broadcast where the address is one. */
  readonly send?: WakerServices['send']
}

export default fp<EndpointWakeOptions>(
  async function endpointWake(app, { clock = systemClock, send = sendByUdp }) {
    const waker = new Waker({
      clock,
      registry: app.endpointRegistry,
      events: app.gatewayEvents,
      send,
      probe: (slot) => app.healthChecker.probeNow(slot),
    })
    app.endpointRegistry.follow({ gone: ({ slot }) => waker.forget(slot) })
    const deaf = app.gatewayPeers.on(wakeTopic, (slot) => waker.wake(slot))
    app.addHook('onClose', function stop(_app, closed) {
      deaf()
      waker.stop()
      closed()
    })
  },
  {
    name: 'gateway-endpoint-wake',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-events', 'gateway-endpoint-registry', 'gateway-health-checker'],
  },
)

function sendByUdp(packet: Buffer, port: number, address: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const isV6 = isIPv6(address)
  const socket = createSocket(isV6 ? 'udp6' : 'udp4')
  socket.once('error', reject)
  socket.bind(0, () => {
    try {
      // Without it the system refuses broadcast addresses.
      if (!isV6) socket.setBroadcast(true)
      socket.send(packet, port, address, (error) => (error === null ? resolve() : reject(error)))
    } catch (error) {
      reject(error)
    }
  })
  return promise.finally(() => socket.close())
}
