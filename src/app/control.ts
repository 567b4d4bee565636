import fp from 'fastify-plugin'
import eventLines from '../../plugins/observe/event-lines.ts'
import logLevel from '../../plugins/observe/log-level.ts'
import eventHistory from '../../plugins/runtime/event-history.ts'
import {
  registerBase,
  registerCallers,
  registerCluster,
  registerEndpoints,
  type ThreadOfSeveral,
} from '../base.ts'
import type { GatewayConfig } from '../config/schema/schema.ts'
import type { ConfigSource } from '../runtime/configuration/reloads.ts'

export interface ControlOptions {
  readonly config: GatewayConfig
  readonly thread: ThreadOfSeveral
  /** Where the configuration can be loaded again. */
  readonly source?: ConfigSource | undefined
}

/**
 * The control thread of a multi-threaded gateway: it probes and discovers for all threads, rereads secrets, numbers the
 * events and writes them to the log. It serves no clients.
 */
export default fp<ControlOptions>(
  async function control(app, { config, thread, source }) {
    await registerBase(app, config, { thread })
    await app.register(logLevel)
    await app.register(eventLines)
    await app.register(eventHistory)
    await registerCluster(app, config)
    await registerCallers(app, config)
    await registerEndpoints(app, config, { source })
  },
  { name: 'gateway-control', fastify: '5.x' },
)
