import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import { importGraph } from '../../docs/generate/house/import-graph.ts'
import { parseConfig } from '../../src/config/load.ts'
import gateway from '../../src/gateway.ts'

/** Parts of the cluster that a gateway alone may load: types, topics of messages between threads, and who leads. */
const harmless = [
  /^src\/cluster\/contract\//,
  /^src\/cluster\/membership\/(?:leadership|settled-leadership|rendezvous)\.ts$/,
  /^src\/routing\/selection\/place-(?:limits|reserve)\.ts$/,
]

describe('a gateway without cluster.redis', () => {
  it('loads no module of the cluster', () => {
    const imports = importGraph(['src', 'plugins', 'routes']).filter(({ isType }) => !isType)
    const loaded = new Set<string>()
    const next = ['src/gateway.ts', 'src/app/server.ts', 'src/app/control.ts']
    for (let path = next.pop(); path !== undefined; path = next.pop()) {
      if (loaded.has(path)) continue
      loaded.add(path)
      // Optional plugins are imported on demand by the composition alone.
      const isComposition = /^src\/(?:gateway|base)\.ts$/.test(path)
      for (const { from, to } of imports) {
        // The response store imports on demand what it shares.
        const isOptional =
          (isComposition && /cluster|place|shared-(?:endpoints|sessions|responses)/.test(to)) ||
          to.endsWith('responses/fleet/fleet.ts')
        if (from === path && !isOptional) next.push(to)
      }
    }
    assert.ok(loaded.size > 300, String(loaded.size))
    const found = [...loaded].filter(
      (path) =>
        /cluster|\/place-|shared-endpoints|exchange-sessions/.test(path) &&
        !harmless.some((pattern) => pattern.test(path)),
    )
    assert.deepEqual(
      found,
      ['src/config/schema/cluster-schema.ts', 'src/config/checks/cluster.ts'].sort().reverse(),
    )
  })

  it('has no route of it', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    await app.register(gateway, { config: parseConfig({}) })
    const { statusCode } = await app.inject('/internal/cluster')
    assert.equal(statusCode, 404)
  })
})
