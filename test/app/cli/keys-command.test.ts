import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { changesOf, durationSeconds } from '../../../src/app/cli/key-fields.ts'
import { keysCommand } from '../../../src/app/cli/keys-command.ts'
import { KeyHasher } from '../../../src/callers/keys/key-hasher.ts'
import { bearer, callersSecret, configuredKey, storeFile } from '../../support/callers.ts'
import { startGateway } from '../../support/gateway.ts'

async function start(t: TestContext) {
  const { entry } = configuredKey('fixed')
  const callers = { store: await storeFile(), secret: callersSecret, keys: [entry] }
  const { url } = await startGateway(t, [], { callers })
  return {
    url,
    keys: (...args: string[]) => keysCommand(args, { OLLA_GATEWAY_URL: url }),
    use: async (key: string) => (await fetch(`${url}/v1/models`, { headers: bearer(key) })).status,
  }
}

describe('olla-gateway keys', () => {
  it('creates, lists, limits, rotates and revokes keys', async (t) => {
    const { keys, use } = await start(t)
    const created = await keys('create', 'ci', '--owner', 'ann', '--model', 'llama*', '--budget', '10/month')
    assert.equal(created.exitCode, 0, created.output)
    const [first = ''] = created.output.split('\n')
    assert.match(first, /^sk-[\w-]{43}$/)
    assert.match(created.output, /policy {7}models\.include=\["llama\*"\]/)
    assert.equal(await use(first), 200)

    const list = await keys('list')
    assert.match(
      list.output,
      /^NAME +ID +KEY +OWNER +TEAM +STATE\nci +key_\w+ +….{4} +ann +- +active\nfixed +config:fixed/,
    )
    assert.ok(!list.output.includes(first))
    assert.match((await keys('list', '--owner', 'bob')).output, /^no keys\n$/)

    const limited = await keys('limits', 'ci', '--requests-per-minute', '5', '--json')
    const { limits, policy } = JSON.parse(limited.output)
    assert.deepEqual(
      [limits.requests_per_minute, limits.budgets.length, policy.models.include],
      [5, 1, ['llama*']],
    )
    assert.match((await keys('limits', 'ci')).output, /requests_per_minute=5/)

    const rotated = await keys('rotate', 'ci', '--overlap', '0')
    const [second = ''] = rotated.output.split('\n')
    assert.deepEqual([await use(first), await use(second)], [401, 200])
    await keys('revoke', 'ci', '--disable')
    assert.equal(await use(second), 401)
    assert.equal((await keys('revoke', 'ci')).exitCode, 0)
    assert.deepEqual(
      await keys('show', 'ci').then(({ exitCode, output }) => [exitCode, /no such key/.test(output)]),
      [1, true],
    )
  })

  it('reports what the gateway refuses', async (t) => {
    const { keys, url } = await start(t)
    await keys('create', 'ci')
    const cases: [string[], number, RegExp][] = [
      [['create', 'ci'], 1, /The name "ci" is taken\./],
      [['create', 'fixed'], 1, /The name "fixed" is taken\./],
      [['create', 'x', '--team', 'none'], 1, /there is no team "none"/],
      [['create', 'x', '--network', 'here'], 1, /policy\.networks\[0\]: "here" is not a network/],
      [['revoke', 'fixed'], 1, /in the configuration, and cannot be changed here/],
      [['create'], 3, /needs the name of a key/],
      [['make', 'x'], 3, /unknown command: keys make/],
      [['create', 'x', '--budget', 'much'], 3, /not a budget such as/],
      [['create', 'x', '--max-tokens', '-1'], 3, /must be a whole number/],
      [['create', 'x', '--expires', 'soon'], 3, /not a duration such as/],
    ]
    for (const [args, exitCode, text] of cases) {
      const result = await keys(...args)
      assert.equal(result.exitCode, exitCode, `${args.join(' ')}: ${result.output}`)
      assert.match(result.output, text)
    }
    const gone = await keysCommand(['list', '--url', 'http://127.0.0.1:1'], {})
    assert.equal(gone.exitCode, 2)
    assert.equal((await keysCommand(['--help'], {})).exitCode, 0)
    assert.ok(url)
  })

  it('makes a key for the configuration without a gateway', async () => {
    const { output } = await keysCommand(['hash', '--json'], { OLLA_CALLERS_SECRET: callersSecret })
    const { key, hash } = JSON.parse(output)
    assert.equal(hash, `hmac-sha256:${new KeyHasher(callersSecret).hash(key)}`)
    assert.equal((await keysCommand(['hash'], {})).exitCode, 3)
  })
})

describe('options of a key', () => {
  it('become fields, and keep what they do not name', () => {
    const current = { policy: { routes: ['/v1/*'] }, limits: { max_concurrent: 2 } }
    assert.deepEqual(changesOf({ 'max-tokens': '10', 'tokens-per-day': '5', expires: 'never' }, current), {
      expires: null,
      policy: { routes: ['/v1/*'], caps: { max_tokens: 10 } },
      limits: { max_concurrent: 2, tokens_per_day: { total: 5 } },
    })
    assert.deepEqual(changesOf({ metadata: ['a=b=c'], budget: ['none'] }, undefined), {
      metadata: { a: 'b=c' },
      limits: { budgets: [] },
    })
  })

  it('name durations', () => {
    assert.deepEqual(['30d', '12h', '90s', '0'].map(durationSeconds), [2_592_000, 43_200, 90, 0])
  })
})
