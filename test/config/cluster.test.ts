import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { maskSecrets } from '../../src/config/file/secrets.ts'
import { loadConfig } from '../../src/config/load.ts'
import { folder, knownTypes, load, problems } from './support.ts'

describe('the cluster in a file', () => {
  const cases: readonly (readonly [what: string, content: string, message: RegExp])[] = [
    [
      'a server that is no URL of Redis',
      'cluster: { redis: http://host:6379 }\n',
      /cluster\.redis: is not a URL such as redis:\/\/host:6379/,
    ],
    [
      'a node that is no URL',
      'cluster: { redis: redis://a, topology: cluster, nodes: [b] }\n',
      /cluster\.nodes\[0\]: is not a URL/,
    ],
    [
      'nodes of a single server',
      'cluster: { redis: redis://a, nodes: [redis://b] }\n',
      /cluster\.nodes: is for the topologies sentinel and cluster/,
    ],
    ['nodes without a server', 'cluster: { nodes: [redis://b] }\n', /cluster\.nodes: has no effect/],
    [
      'a password twice',
      'cluster: { redis: redis://a, password: x, password_file: /nonexistent }\n',
      /cluster\.password: set either "password" or "password_file", not both/,
    ],
    [
      'a file that cannot be read',
      'cluster: { redis: redis://a, sentinel_password_file: /nonexistent }\n',
      /cluster\.sentinel_password_file: the file \/nonexistent cannot be read/,
    ],
    [
      'a membership that ends between heartbeats',
      'cluster: { redis: redis://a, heartbeat: 1s, member_timeout: 1500ms }\n',
      /cluster\.member_timeout: must be at least twice the heartbeat/,
    ],
    [
      'a prefix with a hash tag of its own',
      `cluster: { redis: redis://a, key_prefix: 'a{b}' }\n`,
      /cluster\.key_prefix:/,
    ],
  ]
  for (const [what, content, message] of cases) {
    it(`rejects ${what}`, async () => assert.match(await problems(content), message))
  }

  it('is off by default', async () => assert.equal((await load('{}\n')).config.cluster.redis, ''))

  it('reads passwords from files, and shows none', async () => {
    const cwd = await folder({
      'config.yaml': `cluster: { redis: 'rediss://olla:in-url@host', password_file: secret }\n`,
      secret: 'in-file\n',
    })
    const { config } = loadConfig({ file: 'config.yaml', env: {}, cwd, knownTypes })
    assert.equal(config.cluster.password, 'in-file')
    assert.equal(config.cluster.password_file, join(cwd, 'secret'))
    const shown = JSON.stringify(maskSecrets(config))
    assert.doesNotMatch(shown, /in-file|in-url/)
    assert.match(shown, /rediss:\/\/olla:\[secret\]@host/)
  })
})
