import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import backendProfiles from '../../plugins/endpoints/backend-profiles.ts'
import endpointRegistry from '../../plugins/endpoints/endpoint-registry.ts'
import events from '../../plugins/runtime/events.ts'
import state from '../../plugins/runtime/state.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createEndpointApp } from '../support/endpoint-app.ts'
import { FakeClock } from '../support/fake-clock.ts'

describe('the endpoint registry plugin', () => {
  it('decorates the configured endpoints, with the profiles of their types', async (t) => {
    const app = await createEndpointApp(t, [
      { url: 'http://127.0.0.1:1', name: 'a', type: 'ollama' },
      { url: 'http://127.0.0.1:2', name: 'b', type: 'auto' },
    ])
    const { endpoints, byName } = app.endpointRegistry.snapshot
    assert.deepEqual(
      endpoints.map(({ slot, name }) => [slot, name]),
      [
        [0, 'a'],
        [1, 'b'],
      ],
    )
    assert.equal(byName.get('a')?.profile?.name, 'ollama')
    assert.equal(byName.get('b')?.profile, undefined)
    assert.equal(app.endpointRegistry.status(0), 'unknown')
  })

  it('fails at boot if a required plugin is missing, and names it', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    await app.register(events)
    await app.register(state)
    await assert.rejects(async () => {
      await app.register(endpointRegistry)
    }, /gateway-backend-profiles.*gateway-endpoint-registry/)
  })

  it('rereads secret files, keeps the last readable ones, and stops on close', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'olla-gateway-'))
    t.after(() => rm(folder, { recursive: true }))
    const secret = join(folder, 'token')
    await writeFile(secret, 'first\n')
    await writeFile(
      join(folder, 'config.yaml'),
      'discovery: { static: { endpoints: [{ url: "http://127.0.0.1:1", auth: { type: bearer, token_file: token } }] } }',
    )
    const { config } = loadConfig({ env: {}, cwd: folder, knownTypes: ['openai-compatible'] })
    const clock = new FakeClock()
    const app = Fastify()
    await app.register(events)
    await app.register(state)
    await app.register(backendProfiles)
    await app.register(endpointRegistry, {
      discovery: { ...config.discovery, refresh_interval: '1s' },
      proxy: config.proxy,
      clock,
    })
    const headers = () => app.endpointRegistry.snapshot.bySlot[0]?.headers
    assert.deepEqual(headers(), ['Authorization', 'Bearer first'])
    await writeFile(secret, 'second\n')
    await clock.advance(1000)
    assert.deepEqual(headers(), ['Authorization', 'Bearer second'])
    const { version } = app.endpointRegistry.snapshot
    await rm(secret)
    await clock.advance(1000)
    assert.deepEqual(headers(), ['Authorization', 'Bearer second'])
    assert.equal(app.endpointRegistry.snapshot.version, version)
    await writeFile(secret, 'third\n')
    await clock.advance(1000)
    assert.deepEqual(headers(), ['Authorization', 'Bearer third'])
    await app.close()
    assert.equal(clock.armed, 0)
  })
})
