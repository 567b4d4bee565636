import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compareConfigs, withoutRestartKeys } from '../../../src/config/changes/compare.ts'
import { parseConfig } from '../../../src/config/load.ts'

const url = 'http://127.0.0.1:1'

describe('the difference between two configurations', () => {
  it('names keys with their old and new values, as in the file', () => {
    const changes = compareConfigs(
      parseConfig({ server: { port: 1, read_timeout: '5s' } }),
      parseConfig({ server: { port: 2, read_timeout: '1m' } }),
    )
    assert.deepEqual(
      changes.map(({ key, before, after }) => [key, before, after]),
      [
        ['server.port', 1, 2],
        ['server.read_timeout', '5s', '1m'],
      ],
    )
  })

  it('names endpoints by their names, whatever their order', () => {
    const list = (...endpoints: object[]) => parseConfig({ discovery: { static: { endpoints } } })
    const a = { url, name: 'a' }
    const b = { url: `${url}1`, name: 'b' }
    assert.deepEqual(compareConfigs(list(a, b), list(b, a)), [])
    const changes = compareConfigs(list(a, b), list({ ...b, weight: 2 }, { ...a, name: 'c' }))
    assert.deepEqual(
      changes.map(({ key, before, after }) => [key, before === undefined, after === undefined]),
      [
        ['discovery.static.endpoints[a]', false, true],
        ['discovery.static.endpoints[b].weight', false, false],
        ['discovery.static.endpoints[c]', true, false],
      ],
    )
  })

  it('shows that a secret changed, without either value', () => {
    const withToken = (token: string) =>
      parseConfig({
        discovery: { static: { endpoints: [{ url, name: 'a', auth: { type: 'bearer', token } }] } },
        dashboard: { admin_token: `${token}-of-the-admin` },
      })
    const changes = compareConfigs(withToken('first-secret'), withToken('second-secret'))
    assert.deepEqual(
      changes.map(({ key }) => key),
      ['discovery.static.endpoints[a].auth.token', 'dashboard.admin_token'],
    )
    assert.doesNotMatch(JSON.stringify(changes), /first-secret|second-secret/)
  })

  it('keeps the present values of keys that need a restart', () => {
    const before = parseConfig({ server: { port: 1 } })
    const after = parseConfig({
      server: { port: 2 },
      discovery: { static: { endpoints: [{ url, name: 'a' }] } },
      dashboard: { admin_token: 'a-token-of-an-admin' },
    })
    const changes = compareConfigs(before, after).map((change) => ({
      ...change,
      isLive: change.key.startsWith('discovery.'),
    }))
    const kept = withoutRestartKeys(before, after, changes)
    assert.equal(kept.server.port, 1)
    assert.equal('admin_token' in kept.dashboard, false)
    assert.equal(kept.discovery.static.endpoints.length, 1)
  })
})
