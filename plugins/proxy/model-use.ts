/**
 * Which models the requests of this thread use, for operations and rules that take models out of memory. Decorates nothing;
 * answers the control thread over the link. Depends on the engine and the request hooks. Uses if present:
 * `configVersions`. Without `models.unload_after` it installs no hook. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { inFlightTopic, modelUsesTopic } from '../../src/endpoints/operations/contract/topics.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { ModelUses } from '../../src/proxy/usage/model-uses.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

export interface ModelUseOptions extends Sections<'models'> {
  readonly clock?: Clock
}

export default fp<ModelUseOptions>(
  async function modelUse(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { models } = readSections(options, ['models'], ['clock'])
    const { proxyEngine: engine, gatewayPeers: link } = app
    const uses = new ModelUses(options.clock ?? systemClock)
    let remove: (() => void) | undefined
    const watch = (isWanted: boolean) => {
      if (isWanted) {
        remove ??= app.requestHooks.add({ onResponse: (request) => uses.note(request) })
        return
      }
      remove?.()
      remove = undefined
      uses.clear()
    }
    watch(models.unloadAfter.length > 0)
    followSections(versions, ['models'], (next) => () => watch(next.models.unloadAfter.length > 0))
    link.on(inFlightTopic, ({ endpoint, model }) => engine.inFlightAt(endpoint, model))
    link.on(modelUsesTopic, () => uses.list(engine.exchanges()))
  },
  {
    name: 'gateway-model-use',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-request-hooks', 'gateway-proxy-engine'],
  },
)
