/**
 * Keeps translated responses and conversations of the Responses API, so that clients can continue, read and delete them. Decorates
 * `responseRequests`; depends on the event bus and on the links between threads, over which all threads find each other's.
 * On close it ends the responses in the background and stops serving the other threads. Uses if present: `clusterState`,
 * with which the replicas of a cluster share all of it.
 */
import fp from 'fastify-plugin'
import { bodyLimitOf } from '../../src/config/file/body-limit.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { createIds } from '../../src/dialects/hub/parts/ids.ts'
import { ConversationTurns } from '../../src/dialects/openai/responses/conversations/conversation-turns.ts'
import { ResponseRequests } from '../../src/dialects/openai/responses/response-requests.ts'
import type { ConversationStore } from '../../src/dialects/openai/responses/store/conversation-store.ts'
import { MemoryResponseStore } from '../../src/dialects/openai/responses/store/memory-store.ts'
import {
  SharedConversationStore,
  SharedResponseStore,
} from '../../src/dialects/openai/responses/store/shared-store.ts'
import { storeLimits } from '../../src/dialects/openai/responses/store/store-limits.ts'
import type { ResponseStore } from '../../src/dialects/openai/responses/store/stored.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** Reads `proxy.translation.stored_responses`, and how large a request may be with the conversation that it continues. */
export interface ResponseStoreOptions extends Sections<'proxy' | 'server'> {
  /** Where responses are kept. Default: in the memory of this process. */
  readonly store?: ResponseStore | undefined
  /** Where conversations are kept. Default: in the memory of this process. */
  readonly conversations?: ConversationStore | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    responseRequests: ResponseRequests
  }
}

export default fp<ResponseStoreOptions>(
  async function responseStore(app, options) {
    const { proxy, server } = readSections(options, ['proxy', 'server'], ['store', 'conversations', 'clock'])
    const { gatewayPeers: peers } = app
    const clock = options.clock ?? systemClock
    const limits = storeLimits(proxy, peers.threads)
    const memory = new MemoryResponseStore({ clock, ...limits })
    const responses = new SharedResponseStore(memory, peers)
    const conversations = new SharedConversationStore(memory.conversations, peers)
    const { clusterState: state } = app
    const fleet =
      state === undefined
        ? undefined
        : (await import('../../src/dialects/openai/responses/fleet/fleet.ts')).fleetOf({
            peers,
            state,
            memory,
            responses,
            conversations,
          })
    const requests = new ResponseRequests({
      stores: {
        responses: options.store ?? fleet?.responses ?? responses,
        conversations: options.conversations ?? fleet?.conversations ?? conversations,
      },
      remoteRuns: fleet?.remoteRuns,
      background: { clock, peers, ...limits },
      turns: new ConversationTurns({ clock, peers, replicas: fleet?.documents }),
      maxRequestBytes: bodyLimitOf(server.requestLimits.maxBodyBytes),
      newId: createIds(),
      nowMs: () => clock.nowMs(),
      onError: (error) => app.log.error({ err: error }, 'a response could not be stored'),
    })
    app.decorate('responseRequests', requests)
    const ends = [responses.listen(), conversations.listen(), requests.listen()]
    if (fleet !== undefined) ends.push(fleet.listen())
    const subscription = app.gatewayEvents.subscribe(
      (event) => {
        if (event.type === 'thread.stopped') requests.threadEnded(event.data.thread)
      },
      { types: ['thread.stopped'] },
    )
    app.addHook('onClose', async () => {
      subscription.close()
      await requests.close()
      for (const end of ends) end()
    })
  },
  { name: 'gateway-response-store', fastify: '5.x', dependencies: ['gateway-events', 'gateway-peers'] },
)
