import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type GroupKind, groupsCommand } from '../../../src/app/cli/groups-command.ts'
import { keysCommand } from '../../../src/app/cli/keys-command.ts'
import { bearer, callersSecret, storeFile } from '../../support/callers.ts'
import { startGateway } from '../../support/gateway.ts'

async function start(t: TestContext) {
  const teams = [{ name: 'fixed', limits: { requests_per_minute: 7 } }]
  const callers = { store: await storeFile(), secret: callersSecret, teams }
  const { url } = await startGateway(t, [], { callers })
  const env = { OLLA_GATEWAY_URL: url }
  const command = (kind: GroupKind) => {
    return (...args: string[]) => groupsCommand(kind, args, env)
  }
  return {
    teams: command('team'),
    owners: command('owner'),
    keys: (...args: string[]) => keysCommand(args, env),
    use: async (key: string) => (await fetch(`${url}/v1/models`, { headers: bearer(key) })).status,
  }
}

describe('olla-gateway teams', () => {
  it('creates, lists, limits, disables and deletes teams', async (t) => {
    const { teams, keys, use } = await start(t)
    const created = await teams('create', 'ml', '--model', 'llama*', '--budget', '10/month', '--soft', '80')
    assert.equal(created.exitCode, 0, created.output)
    assert.match(created.output, /policy {7}models\.include=\["llama\*"\]/)
    assert.match(created.output, /"amount":10.*"soft":0\.8/)
    const [key = ''] = (await keys('create', 'ci', '--team', 'ml')).output.split('\n')
    assert.equal(await use(key), 200)

    const limited = await teams('limits', 'ml', '--requests-per-minute', '5', '--json')
    const { limits, policy, used } = JSON.parse(limited.output)
    assert.deepEqual(
      [limits.requests_per_minute, limits.soft, limits.budgets.length, policy.models.include],
      [5, 0.8, 1, ['llama*']],
    )
    assert.deepEqual(
      used.map(({ field, soft }: { field: string; soft: number }) => [field, soft]),
      [
        ['requests_per_minute', 0.8],
        ['budgets', 0.8],
      ],
    )
    const list = await teams('list')
    assert.match(list.output, /^NAME +STATE +SOURCE +LIMITS\n/)
    assert.match(list.output, /fixed +active +config +requests_per_minute=7/)
    assert.match(list.output, /ml +active +store +requests_per_minute=5/)
    assert.match((await teams('limits')).output, /team +ml +requests_per_minute/)

    assert.match((await teams('delete', 'ml')).output, /still has keys, such as "ci"/)
    await teams('disable', 'ml')
    assert.equal(await use(key), 401)
    await teams('enable', 'ml')
    assert.equal(await use(key), 200)
    await keys('revoke', 'ci', '--disable')
    assert.equal(await use(key), 401)
    await keys('enable', 'ci')
    assert.equal(await use(key), 200)
    await keys('revoke', 'ci')
    assert.equal((await teams('delete', 'ml')).exitCode, 0)
    assert.equal((await teams('show', 'ml')).exitCode, 1)
  })

  it('reports what is refused', async (t) => {
    const { teams, owners } = await start(t)
    const cases: [Promise<{ exitCode: number; output: string }>, number, RegExp][] = [
      [teams('create', 'fixed'), 1, /taken/],
      [teams('limits', 'fixed', '--max-concurrent', '1'), 1, /in the configuration/],
      [teams('create'), 3, /needs the name of a team/],
      [teams('make', 'x'), 3, /unknown command: teams make/],
      [teams('create', 'x', '--soft', '101'), 3, /--soft is a percentage/],
      [owners('create', 'x', '--model', 'm'), 3, /an owner has limits only/],
      [owners('show'), 3, /needs the name of an owner/],
      [groupsCommand('team', ['list', '--url', 'http://127.0.0.1:1'], {}), 2, /127\.0\.0\.1:1/],
    ]
    for (const [result, exitCode, text] of cases) {
      const { output, exitCode: code } = await result
      assert.equal(code, exitCode, output)
      assert.match(output, text)
    }
    for (const kind of ['team', 'owner'] as const)
      assert.equal((await groupsCommand(kind, ['--help'], {})).exitCode, 0)
  })
})

describe('olla-gateway owners', () => {
  it('limits owners', async (t) => {
    const { owners } = await start(t)
    assert.match((await owners('list')).output, /^no owners\n$/)
    const created = await owners('create', 'ann', '--tokens-per-day', '1000')
    assert.equal(created.exitCode, 0, created.output)
    assert.match((await owners('limits', '--near', '0')).output, /owner +ann +tokens_per_day\.total/)
    const { tokens_per_day: perDay } = JSON.parse(
      (await owners('limits', 'ann', '--max-concurrent', '2', '--json')).output,
    ).limits
    assert.equal(perDay.total, 1000)
    assert.equal((await owners('delete', 'ann')).exitCode, 0)
  })
})
