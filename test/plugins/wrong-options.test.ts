import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import Fastify, { type FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigError } from '../../src/config/schema/diagnostics.ts'

const root = new URL('../../', import.meta.url)
const files = globSync(['plugins/**/*.ts', 'routes/**/*.ts'], { cwd: root }).filter((file) =>
  readFileSync(new URL(file, root), 'utf8').includes('readSections('),
)

describe('plugins that read the configuration reject an unknown option', () => {
  it('is found', () => assert.ok(files.length > 30, String(files.length)))

  for (const file of files) {
    it(file, async () => {
      const { default: plugin }: { default: FastifyPluginAsync<Record<string, unknown>> } = await import(
        new URL(file, root).href
      )
      const app = Fastify()
      const { dependencies = [] }: { dependencies?: string[] } = Reflect.get(
        plugin,
        Symbol.for('plugin-meta'),
      )
      for (const name of dependencies) await app.register(fp(async () => {}, { name }))
      await assert.rejects(
        async () => void (await app.register(plugin, { misspelt: 1 })),
        (error) => error instanceof ConfigError && error.message.startsWith('misspelt: unknown option'),
      )
    })
  }
})
