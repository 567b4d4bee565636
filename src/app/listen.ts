import type { FastifyInstance, FastifyListenOptions } from 'fastify'
import type { Logger } from 'pino'

const announcement = 'listening'

/** Listens without Fastify's log lines, one per address: the command logs the address once. */
export async function listenQuietly(
  app: FastifyInstance,
  logger: Logger,
  options: FastifyListenOptions,
): Promise<string> {
  const quiet: Logger = Object.create(logger)
  quiet.info = (...args: unknown[]) => {
    if (args[0] !== announcement) Reflect.apply(logger.info, logger, args)
  }
  app.log = quiet
  try {
    return await app.listen({ ...options, listenTextResolver: () => announcement })
  } finally {
    app.log = logger
  }
}
