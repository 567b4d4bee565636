import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { sectionOptions } from '../../../src/config/options/sections.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { buildEndpoints } from '../../../src/endpoints/registry/build.ts'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import { ConfiguredEndpoints, isSameServer } from '../../../src/endpoints/registry/next-endpoints.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import { createRegistry, delivered } from '../../support/registry.ts'

const profiles = new ProfileStore({ builtIn: profilesFolder })
const ollama = profiles.get('ollama')
const url = 'http://127.0.0.1:11434'
const other = 'http://127.0.0.1:11435'

function build(...endpoints: readonly Record<string, unknown>[]): Endpoint[] {
  const config = parseConfig({ discovery: { static: { endpoints } } })
  const proxy = sectionOptions('proxy', config.proxy)
  return buildEndpoints(config.discovery.static.endpoints, { profile: (type) => profiles.get(type), proxy })
}

describe('the endpoints of the next version', () => {
  it('keep their object, detected type and headers if they are configured as before', () => {
    const first = build({ url, name: 'a', type: 'auto' })
    const { registry } = createRegistry(first)
    assert.ok(ollama !== undefined)
    registry.setProfile(0, ollama)
    registry.replaceHeaders(0, ['Authorization', 'Bearer newer'])
    const known = new ConfiguredEndpoints(first)
    const next = known.next(build({ url, name: 'a', type: 'auto' }), registry.snapshot.bySlot)
    assert.equal(next[0], registry.snapshot.bySlot[0])
  })

  it('keep their detected type if something else changes, but not for another server', () => {
    const first = build({ url, name: 'a', type: 'auto' })
    const { registry } = createRegistry(first)
    assert.ok(ollama !== undefined)
    registry.setProfile(0, ollama)
    const known = new ConfiguredEndpoints(first)
    const [heavier] = known.next(build({ url, name: 'a', type: 'auto', weight: 2 }), registry.snapshot.bySlot)
    assert.deepEqual([heavier?.profile?.name, heavier?.weight], ['ollama', 2])
    const [moved] = known.next(build({ url: other, name: 'a', type: 'auto' }), registry.snapshot.bySlot)
    assert.equal(moved?.profile, undefined)
  })

  it('are another server with another address, path, query or type', () => {
    const [endpoint] = build({ url, name: 'a', type: 'ollama' })
    const others = [
      { url: other },
      { url: `${url}/base` },
      { url: `${url}?key=1` },
      { url, type: 'vllm' },
    ].map((change) => build({ name: 'a', type: 'ollama', ...change })[0])
    assert.ok(endpoint !== undefined)
    for (const each of others) assert.equal(each !== undefined && isSameServer(endpoint, each), false)
    const [same] = build({ url, name: 'a', type: 'ollama', weight: 3, headers: { A: 'b' } })
    assert.ok(same !== undefined && isSameServer(endpoint, same))
  })
})

describe('the registry', () => {
  it('keeps a removed endpoint until it leaves, and reports each step', () => {
    const [a, b] = build({ url, name: 'a' }, { url: other, name: 'b' })
    assert.ok(a !== undefined && b !== undefined)
    const { registry } = createRegistry([a, b])
    const steps: string[] = []
    registry.follow({
      present: ({ name }, before) => steps.push(`${name} ${before === undefined ? 'new' : 'changed'}`),
      gone: ({ name }) => steps.push(`${name} gone`),
    })
    const c = { ...a, slot: 2, name: 'c' }
    registry.replaceAll([a], [c])
    assert.deepEqual(
      [registry.snapshot.shown.map(({ name }) => name), registry.snapshot.configuredBySlot.length],
      [['a', 'b'], 1],
    )
    registry.replaceAll([{ ...a, weight: 5 }, c])
    registry.leave(b.slot)
    assert.equal(registry.snapshot.bySlot[b.slot], undefined)
    assert.deepEqual(steps, ['c new', 'a changed', 'b gone'])
  })

  it('drops an endpoint that joined in vain', () => {
    const [a] = build({ url, name: 'a' })
    assert.ok(a !== undefined)
    const { registry } = createRegistry([a])
    const gone: string[] = []
    registry.follow({ gone: ({ name }) => gone.push(name) })
    registry.replaceAll([a], [{ ...a, slot: 2, name: 'c' }])
    registry.replaceAll([a], [])
    assert.deepEqual(gone, ['c'])
  })

  it('takes an endpoint out of service with one write, and keeps its health', async () => {
    const [a] = build({ url, name: 'a' })
    assert.ok(a !== undefined)
    const { registry, transitions } = createRegistry([a])
    registry.setStatus(0, 'healthy', 'probe answered')
    assert.equal(registry.setService(0, 'draining', 'by an operator'), true)
    registry.setStatus(0, 'busy', 'slow probe')
    assert.deepEqual(
      [
        registry.status(0),
        registry.health(0),
        registry.isRoutable(0),
        registry.mayAnswer(0),
        registry.share(0),
      ],
      ['draining', 'busy', false, false, 0],
    )
    assert.equal(registry.statusDetail(0).reason, 'by an operator')
    registry.setService(0, 'drained', 'by an operator')
    registry.setService(0, 'serving', 'back')
    assert.equal(registry.status(0), 'busy')
    await delivered()
    assert.deepEqual(transitions, [
      'a: unknown > healthy',
      'a: healthy > draining',
      'a: draining > drained',
      'a: drained > busy',
    ])
  })
})
