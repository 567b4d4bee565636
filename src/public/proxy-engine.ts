/** Takes requests to one of several upstreams and answers back, with failover. Decorates `proxyEngine`. */
import fp from 'fastify-plugin'
import engineOlla from '../../plugins/proxy/engine-olla.ts'
import proxyEngine from '../../plugins/proxy/proxy-engine.ts'
import { sectionOptions } from '../config/options/sections.ts'
import { type EndpointOptions, once, requireProxying, sectionsOf } from './requirements.ts'

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
