import type { FastifyInstance, FastifyListenOptions } from 'fastify'
import type { Logger } from 'pino'

const announcement = 'listening'

/** Opens the port without Fastify's own lines, one for each address: the command says it once, for people. */
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
