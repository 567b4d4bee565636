import type { FastifyInstance } from 'fastify'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import type { EngineSource } from '../../src/observe/views/engine.ts'

/** What the engine of an endpoint reports, and its models in memory if it lists them. */
export function engineSource(
  app: FastifyInstance,
  { slot, signals }: Pick<Endpoint, 'slot' | 'signals'>,
): EngineSource {
  const models = app.modelCatalog.snapshot.byEndpoint.get(slot)?.models
  const listsLoaded = models?.some(({ state }) => state !== undefined) === true
  return {
    reading: signals.length === 0 ? undefined : app.engineSignals?.read(slot),
    loaded: listsLoaded ? models?.filter(({ state }) => state === 'loaded') : undefined,
  }
}
