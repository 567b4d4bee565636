import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigChanges } from '../../../src/runtime/configuration/changes.ts'
import { ConfigVersions } from '../../../src/runtime/configuration/versions.ts'

const first = { version: 1, config: parseConfig({}), endpointRows: [] }
const aliases = (name: string) => parseConfig({ model_aliases: { [name]: ['m'] } })

function create(refusal?: string) {
  const versions = new ConfigVersions(first)
  const events: string[] = []
  const settled: number[] = []
  const changes = new ConfigChanges({
    versions,
    followers: { prepare: async () => refusal, commit: async () => {} },
    events: { publish: (type: string) => void events.push(type) },
    assignRows: () => [],
    admits() {},
    async settled({ version }) {
      settled.push(version)
    },
  })
  return { versions, changes, events, settled }
}

describe('versions of the configuration', () => {
  it('switch all followers after all have prepared', () => {
    const { versions } = create()
    const steps: string[] = []
    for (const name of ['one', 'two']) {
      versions.follow(({ version }) => {
        steps.push(`${name} prepares ${version}`)
        return () => steps.push(`${name} uses ${version}`)
      })
    }
    versions.prepare({ ...first, version: 2 })
    assert.equal(versions.current.version, 1)
    assert.equal(versions.commit(2), true)
    assert.deepEqual(steps, ['one prepares 2', 'two prepares 2', 'one uses 2', 'two uses 2'])
    assert.equal(versions.commit(3), false, 'not prepared')
  })

  it('stay if a follower refuses the next', async () => {
    const { versions, changes, events, settled } = create()
    let commits = 0
    versions.follow(() => () => void commits++)
    versions.follow(() => {
      throw new Error('this cannot be')
    })
    const result = await changes.apply(() => aliases('a'), { by: 'a test' })
    assert.deepEqual([result.outcome, result.reason, result.version], ['refused', 'this cannot be', 1])
    assert.deepEqual([commits, versions.current.version, events, settled], [0, 1, [], [1]])
  })

  it('stay if another thread refuses the next', async () => {
    const { versions, changes } = create('thread 1: no room')
    const result = await changes.apply(() => aliases('a'), { by: 'a test' })
    assert.deepEqual([result.outcome, result.reason], ['refused', 'thread 1: no room'])
    assert.equal(versions.current.version, 1)
  })

  it('follow each other, each change from the one before', async () => {
    const { versions, changes, events } = create()
    const add = (name: string) =>
      changes.apply(
        (current) => ({ ...current, model_aliases: { ...current.model_aliases, [name]: ['m'] } }),
        { by: 'a test' },
      )
    const results = await Promise.all([add('a'), add('b'), add('a')])
    assert.deepEqual(
      results.map(({ outcome, version }) => `${outcome} ${version}`),
      ['applied 2', 'applied 3', 'unchanged 3'],
    )
    assert.deepEqual(Object.keys(versions.current.config.model_aliases), ['a', 'b'])
    assert.deepEqual(events, ['config.changed', 'config.changed'])
  })
})
