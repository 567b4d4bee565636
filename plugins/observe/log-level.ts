/**
 * Follows `logging.level` of the configuration, in a process that the gateway has for itself. Decorates
 * `followsLogLevel`; depends on the versions of the configuration, needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import type { RequestLogger } from '../../src/observe/logging/line-logger.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

export interface LogLevelOptions {
  /** Logger for request lines; the app's own logger by default. */
  readonly requestLogger?: RequestLogger | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    followsLogLevel: true
  }
}

export default fp<LogLevelOptions>(
  async function logLevel(app, { requestLogger }) {
    app.decorate('followsLogLevel', true)
    followSections(app.configVersions, ['logging'], ({ logging }) => () => {
      app.log.level = logging.level
      requestLogger?.setLevel?.(logging.level)
    })
  },
  { name: 'gateway-log-level', fastify: '5.x', dependencies: ['gateway-config-versions'] },
)
