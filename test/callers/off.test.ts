import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import { parseConfig } from '../../src/config/load.ts'
import gateway from '../../src/gateway.ts'
import { callersSecret, configuredKey, storeFile } from '../support/callers.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const paths = ['keys', 'teams', 'owners', 'usage', 'webhooks'].map((name) => `/internal/admin/${name}`)

/** Names of the plugins whose files are in these folders. */
async function pluginNames(): Promise<string[]> {
  const names: string[] = []
  for (const file of globSync('{plugins,routes}/callers/*.ts', { cwd: root })) {
    const found: { default?: object } = await import(join(root, file))
    const meta: unknown = Reflect.get(found.default ?? {}, Symbol.for('plugin-meta'))
    if (typeof meta === 'object' && meta !== null && 'name' in meta) names.push(String(meta.name))
  }
  return names
}

/** Starts a gateway. @returns which plugins and routes of callers it has */
async function start(t: TestContext, callers: Record<string, unknown> | undefined) {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(gateway, { config: parseConfig(callers === undefined ? {} : { callers }) })
  await app.ready()
  const registered = app.printPlugins().split(/\s+/)
  const names = await pluginNames()
  const statuses = await Promise.all(paths.map(async (url) => (await app.inject(url)).statusCode))
  return { plugins: names.filter((name) => registered.includes(name)), statuses }
}

describe('a gateway without callers', () => {
  it('registers no plugin, so no hook, and no route of callers', async (t) => {
    assert.deepEqual(await start(t, undefined), { plugins: [], statuses: paths.map(() => 404) })
  })

  it('registers none if they are configured but switched off', async (t) => {
    const { entry } = configuredKey('ci')
    const store = await storeFile()
    const off = await start(t, { enabled: false, secret: callersSecret, keys: [entry], store })
    assert.deepEqual(off, { plugins: [], statuses: paths.map(() => 404) })
    assert.deepEqual(globSync('*', { cwd: dirname(store) }), [])
  })

  it('differs from one with callers', async (t) => {
    const { entry } = configuredKey('ci')
    const on = await start(t, { secret: callersSecret, keys: [entry], store: await storeFile() })
    for (const name of [
      'gateway-callers',
      'gateway-caller-keys',
      'gateway-caller-limits',
      'gateway-caller-ledger',
    ])
      assert.ok(on.plugins.includes(name), `${name} of ${on.plugins}`)
    assert.deepEqual(
      on.statuses,
      paths.map(() => 200),
    )
  })
})
