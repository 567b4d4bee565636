import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { usageCommand } from '../../src/app/cli/usage-command.ts'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { askFor, chatThat, type Ending, startCountingEndpoint } from '../support/counting-endpoint.ts'
import { startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'

interface Usage {
  [name: string]: number
}

async function start(
  t: TestContext,
  callers: Readonly<Record<string, unknown>> = {},
  limits: Readonly<Record<string, unknown>> = {},
) {
  const { key, entry } = configuredKey('ci', { owner: 'ann', team: 'ml', limits })
  const endpoint = await startCountingEndpoint(t)
  const store = await storeFile()
  const sections = {
    callers: { store, secret: callersSecret, keys: [entry], teams: [{ name: 'ml' }], ...callers },
  }
  const open = () => startGateway(t, [{ url: endpoint.url, name: 'gpu' }], sections)
  const gateway = await open()
  const admin = adminOf(gateway.url)
  const total = async () => (await admin('GET', '/usage')).body.total as Usage
  return { key, endpoint, gateway, admin, total, open, headers: bearer(key) }
}

describe('the ledger', () => {
  it('has the tokens that endpoints sent, also of answers that broke or were left', async (t) => {
    const { endpoint, gateway, total, headers } = await start(t)
    const endings: Ending[] = [
      'complete',
      'complete',
      'complete',
      'complete',
      'cut',
      'complete',
      'complete',
      'held',
      'complete',
      'complete',
    ]
    const requests = 200
    let at = 0
    const client = async () => {
      while (at < requests) {
        const number = at++
        const ending = endings[number % endings.length] ?? 'complete'
        await askFor(gateway.url, headers, ending, 1 + (number % 13), ending !== 'complete' || number % 3 > 0)
      }
    }
    await Promise.all(Array.from({ length: 8 }, client))
    await eventually(async () => (await total()).requests === requests)
    const {
      ok,
      upstream_errors,
      cancelled,
      client_errors,
      refused,
      completion_tokens,
      prompt_tokens = 0,
    } = await total()
    assert.deepEqual(
      { ok, upstream_errors, cancelled, client_errors, refused },
      { ok: 160, upstream_errors: 20, cancelled: 20, client_errors: 0, refused: 0 },
    )
    assert.equal(completion_tokens, endpoint.sent.completionTokens)
    // The prompts of answers without a report are estimated.
    const difference = Math.abs(prompt_tokens - endpoint.sent.promptTokens)
    assert(difference < endpoint.sent.promptTokens * 0.1, `${prompt_tokens} of ${endpoint.sent.promptTokens}`)
  })

  it('counts a request once, however many attempts it took', async (t) => {
    const { gateway, admin, total, headers } = await start(t)
    const broken = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: '{"model":"none"}',
    })
    assert.equal(broken.status, 404)
    await broken.text()
    await askFor(gateway.url, headers, 'complete', 3)
    await eventually(async () => (await total()).requests === 2)
    const { usage } = (await admin('GET', '/usage?by=key,owner,team,model,endpoint')).body as {
      usage: Usage[]
    }
    assert.deepEqual(
      usage.map(({ key, owner, team, model, endpoint, requests, ok, client_errors }) => [
        key,
        owner,
        team,
        model,
        endpoint,
        requests,
        ok,
        client_errors,
      ]),
      [
        ['ci', 'ann', 'ml', '(unknown)', '', 1, 0, 1],
        ['ci', 'ann', 'ml', 'm', 'gpu', 1, 1, 0],
      ],
    )
  })

  it('has everything after a stop', async (t) => {
    const { endpoint, gateway, open, headers } = await start(t)
    await Promise.all(Array.from({ length: 30 }, () => askFor(gateway.url, headers, 'complete', 4)))
    await gateway.close()
    const again = await open()
    const { total } = (await adminOf(again.url)('GET', '/usage')).body as { total: Usage }
    assert.equal(total.requests, 30)
    assert.equal(total.completion_tokens, endpoint.sent.completionTokens)
  })

  it('keeps what limits have counted over a stop', async (t) => {
    const limits = { budgets: [{ amount: 100, unit: 'tokens', period: 'ever' }] }
    const { gateway, open, headers, total } = await start(t, {}, limits)
    const statusAt = async (url: string) => {
      const body = JSON.stringify({ ...JSON.parse(chatThat('complete', 60, false)), max_tokens: 60 })
      const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })
      await response.text()
      return response.status
    }
    assert.deepEqual([await statusAt(gateway.url), await statusAt(gateway.url)], [200, 429])
    await eventually(async () => (await total()).requests === 2)
    assert.equal((await total()).refused, 1)
    await gateway.close()
    const again = await open()
    assert.equal(await statusAt(again.url), 429)
  })

  it('and limits go on counting for a key that is rotated', async (t) => {
    const { gateway, admin } = await start(t)
    const limits = { budgets: [{ amount: 100, unit: 'tokens', period: 'ever' }] }
    const created = await admin('POST', '/keys', { name: 'store', limits })
    const statusOf = async (key: unknown) => {
      const body = JSON.stringify({ ...JSON.parse(chatThat('complete', 80, false)), max_tokens: 80 })
      const url = `${gateway.url}/v1/chat/completions`
      const response = await fetch(url, { method: 'POST', headers: bearer(String(key)), body })
      await response.text()
      return response.status
    }
    assert.equal(await statusOf(created.body.key), 200)
    const rotated = await admin('POST', '/keys/store/rotate', { overlap_seconds: 60 })
    assert.deepEqual([await statusOf(created.body.key), await statusOf(rotated.body.key)], [429, 429])
    await admin('PATCH', '/keys/store', { limits: { budgets: [{ ...limits.budgets[0], amount: 300 }] } })
    assert.deepEqual([await statusOf(created.body.key), await statusOf(rotated.body.key)], [200, 200])
    assert.equal(await statusOf(rotated.body.key), 429)
  })

  it('is shown in pages, by time, as CSV and as metrics, and names wrong parameters', async (t) => {
    const { gateway, admin, total, headers } = await start(t)
    await askFor(gateway.url, headers, 'complete', 3)
    await askFor(gateway.url, headers, 'complete', 4, false)
    await eventually(async () => (await total()).requests === 2)
    const hours = (await admin('GET', '/usage?interval=hour&since=2h&by=team&team=ml')).body
    const [row] = hours.usage as { at: string; team: string; completion_tokens: number }[]
    assert.equal(row?.team, 'ml')
    assert.match(String(row?.at), /T\d\d:00:00/)
    assert.deepEqual([hours.next, (hours.ledger as { writable: boolean }).writable], [null, true])
    assert.equal(((await admin('GET', '/usage?by=team&team=other')).body.usage as unknown[]).length, 0)

    const csv = await fetch(`${gateway.url}/internal/admin/usage?format=csv&by=key,model&since=1d`)
    assert.match(String(csv.headers.get('content-type')), /^text\/csv/)
    const [names, line] = (await csv.text()).split('\r\n')
    assert.match(String(names), /^key_id,key,model,requests,ok,client_errors,/)
    assert.match(String(line), /^[^,]+,ci,m,2,2,0,0,0,0,14,0,0,7,0,\d+,2$/)

    const command = (...args: string[]) => usageCommand(['--url', gateway.url, ...args], {})
    const table = await command('--by', 'team,model', '--since', '7d')
    assert.equal(table.exitCode, 0)
    const [head, values] = table.output.split('\n')
    assert.match(String(head), /^TEAM {2}MODEL {2}REQUESTS {2}FAILED/)
    assert.deepEqual(String(values).split(/ +/), ['ml', 'm', '2', '0', '0', '0', '14', '0', '7', '-'])
    assert.match((await command('--csv')).output, /^key_id,key,requests/)
    assert.match((await command('--json', '--by', 'owner')).output, /"owner": "ann"/)
    assert.match((await command('--by', 'user')).output, /by: unknown "user"/)
    assert.equal((await command('--sort', 'name')).exitCode, 3)

    const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
    assert.match(metrics, /olla_caller_requests_total\{kind="team",name="ml",outcome="ok"\} 2\n/)
    assert.match(metrics, /olla_caller_tokens_total\{kind="key",name="ci",type="completion"\} 7\n/)
    assert.match(metrics, /olla_ledger_up 1\n/)

    for (const [query, message] of [
      ['by=user', /^by: unknown "user"/],
      ['since=soon', /^since: must be a time/],
      ['since=1h&until=2h', /^since: must be before until/],
      ['interval=week', /^interval: must be one of hour, day, total/],
      ['limit=0', /^limit: must be/],
      ['group=team', /^group: unknown/],
    ] as const) {
      const { status, body } = await admin('GET', `/usage?${query}`)
      assert.equal(status, 400, query)
      assert.match((body.error as { message: string }).message, message)
    }
  })

  it('costs nothing and shows nothing where it is off', async (t) => {
    const { gateway, headers } = await start(t, { ledger: { enabled: false } })
    await askFor(gateway.url, headers, 'complete', 3)
    assert.equal((await fetch(`${gateway.url}/internal/admin/usage`)).status, 404)
    assert.ok(!(await (await fetch(`${gateway.url}/internal/metrics`)).text()).includes('olla_ledger'))
  })
})
