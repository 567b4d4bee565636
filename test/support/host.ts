import type { TestContext } from 'node:test'
import Fastify from 'fastify'
import { listenerOptions } from '../../src/app/http-server.ts'
import gateway from '../../src/gateway.ts'
import { configOf, type EndpointInput } from './gateway.ts'

/** An app of a user, with a route of its own, that has the gateway as a plugin under `/ai`. @returns its address with that */
export async function startHost(
  t: TestContext,
  endpoints: readonly EndpointInput[],
  sections: Readonly<Record<string, Record<string, unknown>>>,
): Promise<{ readonly url: string }> {
  const config = configOf(endpoints, sections)
  const app = Fastify({ forceCloseConnections: true, ...listenerOptions(config) })
  app.get('/own', () => 'own')
  await app.register(gateway, { config, prefix: '/ai' })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => app.close())
  return { url: `${url}/ai` }
}
