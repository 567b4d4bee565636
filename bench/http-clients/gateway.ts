// A gateway in this process, by the client it uses.

import { createHttpServer } from '../../src/app/http-server.ts'
import { parseConfig } from '../../src/config/load.ts'
import { createThreadLogger } from '../../src/observe/logging/logger.ts'

export interface Gateway {
  readonly port: number
  close(): Promise<void>
}

/** @param proxy settings of the section, the client among them */
export async function startGateway(
  endpointUrl: string,
  proxy: Readonly<Record<string, unknown>>,
): Promise<Gateway> {
  const config = parseConfig({
    server: {
      host: '127.0.0.1',
      port: 0,
      rate_limits: { global_requests_per_minute: 0, per_ip_requests_per_minute: 0 },
    },
    proxy,
    discovery: {
      static: {
        endpoints: [{ url: endpointUrl, type: 'openai-compatible', name: 'endpoint', health_check_url: '/' }],
      },
    },
  })
  const { logger, requestLogger } = createThreadLogger('info', () => {})
  const app = await createHttpServer({
    config,
    logger,
    requestLogger,
    maxConnections: 0,
    drainSignal: new AbortController().signal,
    onDrained: () => {},
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  for (let look = 0; look < 200; look++) {
    const answer = await fetch(`${url}/v1/models`)
    if ((await answer.text()).includes('"m"'))
      return { port: Number(new URL(url).port), close: () => app.close() }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the gateway does not find the model of its endpoint')
}
