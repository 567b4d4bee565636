import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { ModelCatalog } from '../../../src/endpoints/discovery/catalog.ts'
import { followCatalog, shareCatalog } from '../../../src/endpoints/discovery/catalog-replica.ts'
import { DiscoveryMirror, refreshTopic } from '../../../src/endpoints/discovery/discovery-mirror.ts'
import { DiscoveryRecords, discoveryCells } from '../../../src/endpoints/discovery/discovery-records.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import type { PeerLink } from '../../../src/runtime/links/peer-link.ts'
import { connectLinks } from '../../support/links.ts'
import { eventually } from '../../support/simulator.ts'

const endpoint = (slot: number) => ({ slot, modelFilter: { include: [], exclude: [] } })
const named = (...names: string[]) => names.map((name) => ({ name, raw: { name } }))

function follow(link: PeerLink) {
  const catalog = new ModelCatalog()
  return { catalog, fetchAll: followCatalog(catalog, link) }
}

function connected(t: TestContext) {
  const links = connectLinks(t, 2)
  const catalog = new ModelCatalog()
  shareCatalog(catalog, links.control)
  return { ...links, catalog }
}

/** Resolves when a thread has taken all that control has sent before. */
const settled = (links: { control: ReturnType<typeof connectLinks>['control'] }) =>
  links.control.requestAll('settle', undefined)

const contents = ({ snapshot }: ModelCatalog) => [...snapshot.byEndpoint].toSorted(([a], [b]) => a - b)

describe('the catalog of a serving thread', () => {
  it('matches the control thread’s after any changes, even on a thread that starts in between', async (t) => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('update' as const),
        slot: fc.nat(2),
        names: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
      }),
      fc.record({
        kind: fc.constant('loaded' as const),
        slot: fc.nat(2),
        names: fc.option(fc.uniqueArray(fc.constantFrom('a', 'b', 'c')), { nil: undefined }),
      }),
      fc.record({ kind: fc.constant('expire' as const), beforeMs: fc.nat(20) }),
      fc.record({ kind: fc.constant('begin' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const links = connected(t)
        const { catalog, first, connect } = links
        const early = follow(first)
        let late = follow(links.second)
        for (const [atMs, each] of steps.entries()) {
          if (each.kind === 'update')
            catalog.update(endpoint(each.slot), named(...each.names), atMs, `v${atMs}`)
          else if (each.kind === 'loaded')
            catalog.setLoaded(
              each.slot,
              each.names === undefined ? undefined : new Map(each.names.map((name) => [name, {}])),
            )
          else if (each.kind === 'expire') catalog.expire(Math.min(each.beforeMs, atMs))
          else {
            late = follow(connect(1))
            await late.fetchAll()
          }
        }
        await settled(links)
        assert.deepEqual(contents(early.catalog), contents(catalog))
        if (steps.some(({ kind }) => kind === 'begin')) {
          assert.deepEqual(contents(late.catalog), contents(catalog))
        }
      }),
      { numRuns: 50 },
    )
  })

  it('does not receive an unchanged long list again', async (t) => {
    const { first, second, catalog } = connected(t)
    const sent: string[] = []
    for (const topic of ['catalog.changed', 'catalog.seen']) second.on(topic, () => void sent.push(topic))
    const { catalog: follower } = follow(first)
    catalog.update(endpoint(0), named('a'), 1)
    catalog.update(endpoint(0), named('a'), 2)
    catalog.update(endpoint(0), named('a', 'b'), 3)
    await eventually(() => follower.snapshot.byEndpoint.get(0)?.seenMs === 3)
    await eventually(() => sent.length === 3)
    assert.deepEqual(sent, ['catalog.changed', 'catalog.seen', 'catalog.changed'])
    assert.deepEqual(
      [...(follower.snapshot.byEndpoint.get(0)?.firstSeenMs ?? [])],
      [
        ['a', 1],
        ['b', 3],
      ],
    )
  })

  it('contains the result of a refresh when the refresh resolves', async (t) => {
    const { control, first, catalog } = connected(t)
    const { catalog: follower } = follow(first)
    control.on(refreshTopic, async (slot) => {
      await new Promise(setImmediate)
      catalog.update(endpoint(slot), named('found'), 1)
      return true
    })
    const records = new DiscoveryRecords(new SharedState().of(discoveryCells))
    const mirror = new DiscoveryMirror(true, { records, link: first })
    assert.equal(await mirror.refresh(1), true)
    assert.equal(follower.snapshot.find('found')[0]?.slot, 1)
    assert.equal(mirror.isRunning, true)
    records.failed(1, 'no list')
    assert.deepEqual(mirror.record(1), {
      lastSeenMs: undefined,
      consecutiveFailures: 1,
      lastError: 'no list',
    })
  })
})
