import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { followEndpoints, shareEndpoints } from '../../../src/endpoints/registry/registry-replica.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import type { PeerLink } from '../../../src/runtime/links/peer-link.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { connectLinks } from '../../support/links.ts'
import { createRegistry } from '../../support/registry.ts'
import { eventually } from '../../support/simulator.ts'

const profiles = new ProfileStore({ builtIn: profilesFolder })

function registryOf() {
  const endpoints = [
    endpoint({ slot: 0, name: 'a', type: 'auto', profile: undefined }),
    endpoint({ slot: 1, name: 'b', headers: ['Authorization', 'Bearer old'] }),
  ]
  return createRegistry(endpoints).registry
}

function follow(link: PeerLink) {
  const registry = registryOf()
  return { registry, fetchAll: followEndpoints(registry, link, (name) => profiles.get(name)) }
}

function connected(t: TestContext) {
  const links = connectLinks(t, 2)
  const registry = registryOf()
  shareEndpoints(registry, links.control)
  return { ...links, registry }
}

describe('the endpoints of a serving thread', () => {
  it('receive detected types and reloaded secrets', async (t) => {
    const { registry, first, second } = connected(t)
    const followers = [follow(first).registry, follow(second).registry]
    const vllm = profiles.get('vllm') ?? assert.fail()
    registry.setProfile(0, vllm)
    registry.replaceHeaders(1, ['Authorization', 'Bearer new'])
    for (const follower of followers) {
      await eventually(() => follower.snapshot.bySlot[1]?.headers[1] === 'Bearer new')
      assert.equal(follower.snapshot.bySlot[0]?.profile?.name, 'vllm')
      assert.equal(follower.snapshot.bySlot[0]?.healthUrl, registry.snapshot.bySlot[0]?.healthUrl)
      assert.ok(follower.snapshot.bySlot[1]?.secretHeaderNames.has('authorization'))
    }
  })

  it('equal those of the control thread for a thread that starts later', async (t) => {
    const { registry, connect } = connected(t)
    registry.setProfile(0, profiles.get('ollama') ?? assert.fail())
    registry.replaceHeaders(1, ['X-Key', '1'])
    const { registry: late, fetchAll } = follow(connect(1))
    const { version } = late.snapshot
    await fetchAll()
    assert.equal(late.snapshot.bySlot[0]?.profile?.name, 'ollama')
    assert.deepEqual(late.snapshot.bySlot[1]?.headers, ['X-Key', '1'])
    assert.ok(late.snapshot.version > version)
    // What is alike already is not replaced: decisions that were made stay valid.
    const after = late.snapshot.version
    await fetchAll()
    assert.equal(late.snapshot.version, after)
  })

  it('fail to load from a control thread that does not send them', async (t) => {
    const { first } = connectLinks(t, 2)
    const { fetchAll } = follow(first)
    await assert.rejects(fetchAll(), /did not send its endpoints/)
  })
})
