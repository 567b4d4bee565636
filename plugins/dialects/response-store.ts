/**
 * Keeps translated responses of the Responses API, so that clients can continue, read and delete them. Decorates
 * `responseRequests`; depends on the links between threads, over which all threads find each other's responses. Stops
 * serving the other threads on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { ResponseRequests } from '../../src/dialects/openai/responses/response-requests.ts'
import { MemoryResponseStore } from '../../src/dialects/openai/responses/store/memory-store.ts'
import { SharedResponseStore } from '../../src/dialects/openai/responses/store/shared-store.ts'
import { storeLimits } from '../../src/dialects/openai/responses/store/store-limits.ts'
import type { ResponseStore } from '../../src/dialects/openai/responses/store/stored.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** Reads `proxy.translation.stored_responses`. */
export interface ResponseStoreOptions extends Sections<'proxy'> {
  /** Where responses are kept. Default: in the memory of this process. */
  readonly store?: ResponseStore | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    responseRequests: ResponseRequests
  }
}

export default fp<ResponseStoreOptions>(
  async function responseStore(app, options) {
    const { proxy } = readSections(options, ['proxy'], ['store', 'clock'])
    const onError = (error: unknown) => app.log.error({ err: error }, 'a response could not be stored')
    if (options.store !== undefined) {
      app.decorate('responseRequests', new ResponseRequests(options.store, onError))
      return
    }
    const { gatewayPeers: peers } = app
    const own = new MemoryResponseStore({
      clock: options.clock ?? systemClock,
      ...storeLimits(proxy, peers.threads),
    })
    const store = new SharedResponseStore(own, peers)
    app.addHook('onClose', async () => end())
    const end = store.listen()
    app.decorate('responseRequests', new ResponseRequests(store, onError))
  },
  { name: 'gateway-response-store', fastify: '5.x', dependencies: ['gateway-peers'] },
)
