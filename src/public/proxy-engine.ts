/** Forwards requests to one of several upstreams, with failover. Decorates `proxyEngine`. */
import fp from 'fastify-plugin'
import engineOlla from '../../plugins/proxy/engine-olla.ts'
import proxyEngine from '../../plugins/proxy/proxy-engine.ts'
import { sectionOptions } from '../config/options/sections.ts'
import { type EndpointOptions, once, requireProxying, sectionsOf } from './requirements.ts'
// Declares what the plugin decorates; declaration files keep no other import.
import '../../plugins/endpoints/circuit-breaker.ts'
import '../../plugins/endpoints/endpoint-registry.ts'
import '../../plugins/endpoints/health-checker.ts'
import '../../plugins/proxy/proxy-engine.ts'
import '../../plugins/proxy/request-context.ts'
import '../../plugins/routing/endpoint-selector.ts'
import '../../plugins/runtime/events.ts'

export type ProxyEngineOptions = EndpointOptions

export default fp<ProxyEngineOptions>(
  async function publicProxyEngine(app, options) {
    const sections = sectionsOf(options)
    const { proxy } = sections
    await requireProxying(app, sections)
    if (sectionOptions('proxy', proxy).engine === 'sherpa')
      await once(app, (await import('../../plugins/proxy/engine-sherpa.ts')).default, {})
    else await once(app, engineOlla, { proxy })
    await once(app, proxyEngine, { proxy })
  },
  { name: 'olla-gateway/plugins/proxy-engine', fastify: '5.x' },
)
