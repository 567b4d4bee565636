import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { keysCommand } from '../../src/app/cli/keys-command.ts'
import { adminOf, bearer, callersSecret, storeFile } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

interface Limit {
  readonly field: string
  readonly counted: string
  readonly window: string
  readonly limit: number
  readonly used: number
  readonly reserved: number
  readonly remaining: number
  readonly share: number
  readonly soft: number
  readonly resets_at: string | null
  readonly refused_hour: number
  readonly refused_day: number
}

interface Subject {
  readonly kind: string
  readonly id: string
  readonly name: string
  readonly owner: string | null
  readonly team: string | null
  readonly share: number
  readonly refused_hour: number
  readonly refused_day: number
  readonly limits: readonly Limit[]
}

interface Page {
  readonly subjects: readonly Subject[]
  readonly total: number
  readonly next: string | null
}

async function start(t: TestContext) {
  const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 }
  const message = { role: 'assistant', content: 'hi' }
  const answer = { body: { id: 'x', choices: [{ index: 0, message, finish_reason: 'stop' }], usage } }
  const endpoint = await startScriptedEndpoint(t, ['m'], () => answer)
  const prices = [{ models: ['m'], input: 1, output: 2 }]
  const callers = { store: await storeFile(), secret: callersSecret, prices }
  const gateway = await startGateway(t, [{ url: endpoint.url, name: 'one', type: 'openai' }], { callers })
  const admin = adminOf(gateway.url)
  const create = async (name: string, fields: object = {}) =>
    String((await admin('POST', '/keys', { name, ...fields })).body.key)
  const send = (key: string, fields: object = {}) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: bearer(key),
      body: JSON.stringify({
        model: 'm',
        max_tokens: 20,
        messages: [{ role: 'user', content: 'hi' }],
        ...fields,
      }),
    })
  const status = async (key: string) => {
    const response = await send(key)
    await response.text()
    return response.status
  }
  const page = async (query = '') => {
    const { status: code, body, text } = await admin('GET', `/limits${query}`)
    assert.equal(code, 200, text)
    return body as unknown as Page
  }
  const one = async (subject: string) =>
    (await page(`?subject=${subject}`)).subjects[0] ?? assert.fail(subject)
  return { gateway, endpoint, answer, admin, create, send, status, page, one }
}

const byField = ({ limits }: Subject, field: string) =>
  limits.find((each) => `${each.field} ${each.counted}`.startsWith(field)) ?? assert.fail(field)

describe('the use of limits', () => {
  it('shows each limit: used, reserved, remaining, its reset, and what it has refused', async (t) => {
    const { endpoint, answer, create, send, status, one } = await start(t)
    const key = await create('ci', {
      limits: {
        requests_per_minute: 3,
        tokens_per_minute: { total: 1_000 },
        tokens_per_day: { completion: 5_000, prompt: 4_000 },
        max_concurrent: 2,
        budgets: [
          { amount: 1, unit: 'money', period: 'month', soft: 0.5 },
          { amount: 9_000, unit: 'tokens', period: 'ever' },
          { amount: 9_000, unit: 'tokens', period: 'week', window: 'rolling' },
        ],
      },
    })
    const before = await one('ci')
    assert.deepEqual(
      before.limits.map(({ field, counted, window, limit, used, resets_at }) => [
        field,
        counted,
        window,
        limit,
        used,
        resets_at,
      ]),
      [
        ['requests_per_minute', 'requests', 'minute rolling', 3, 0, null],
        ['tokens_per_minute.total', 'total', 'minute rolling', 1_000, 0, null],
        ['tokens_per_day.prompt', 'prompt', 'day rolling', 4_000, 0, null],
        ['tokens_per_day.completion', 'completion', 'day rolling', 5_000, 0, null],
        ['budgets', 'money', 'month calendar', 1, 0, null],
        ['budgets', 'total', 'ever calendar', 9_000, 0, null],
        ['budgets', 'total', 'week rolling', 9_000, 0, null],
        ['max_concurrent', 'concurrent', '', 2, 0, null],
      ],
    )
    assert.equal(await status(key), 200)
    await eventually(async () => byField(await one('ci'), 'tokens_per_minute').reserved === 0)
    const after = await one('ci')
    assert.deepEqual(
      after.limits.map(({ used, reserved }) => [used, reserved]),
      [
        [1, 0],
        [30, 0],
        [10, 0],
        [20, 0],
        [0.00005, 0],
        [30, 0],
        [30, 0],
        [0, 0],
      ],
    )
    const money = byField(after, 'budgets money')
    assert.deepEqual([money.remaining, money.soft, money.share], [0.99995, 0.5, 0.00005])
    const monthEnd = new Date()
    monthEnd.setUTCMonth(monthEnd.getUTCMonth() + 1, 1)
    monthEnd.setUTCHours(0, 0, 0, 0)
    assert.equal(money.resets_at, monthEnd.toISOString())
    assert.equal(byField(after, 'budgets total').resets_at, null)
    const resetMs = Date.parse(byField(after, 'requests').resets_at ?? '') - Date.now()
    assert.ok(resetMs > 50_000 && resetMs < 66_000, String(resetMs))

    // A request in flight has reserved what it may use, and a slot.
    endpoint.answer = () => 'silent'
    const abort = new AbortController()
    const held = send(key).catch(() => undefined)
    await eventually(async () => byField(await one('ci'), 'max_concurrent').used === 1)
    const during = byField(await one('ci'), 'tokens_per_day.completion')
    assert.deepEqual([during.used, during.reserved, during.remaining], [40, 20, 4_960])
    endpoint.answer = () => answer
    abort.abort()
    void held

    assert.equal(await status(key), 200)
    assert.deepEqual([await status(key), await status(key)], [429, 429])
    const refused = await one('ci')
    assert.deepEqual([refused.refused_hour, refused.refused_day, refused.share], [2, 2, 1])
    const requests = byField(refused, 'requests')
    assert.deepEqual([requests.refused_hour, requests.refused_day, requests.remaining], [2, 2, 0])
    assert.equal(byField(refused, 'budgets money').refused_day, 0)
  })

  it('lists keys, owners and teams: the nearest first, filtered, in pages, as CSV', async (t) => {
    const { admin, create, status, page, gateway } = await start(t)
    await admin('POST', '/teams', { name: 'ml', limits: { requests_per_minute: 10 } })
    await admin('POST', '/owners', { name: 'ann', limits: { requests_per_minute: 4 } })
    const key = await create('busy', { owner: 'ann', team: 'ml', limits: { requests_per_minute: 2 } })
    await create('idle', { owner: 'bob', limits: { max_concurrent: 1 } })
    await create('unlimited', {})
    assert.deepEqual([await status(key), await status(key), await status(key)], [200, 200, 429])

    const names = async (query = '') =>
      (await page(query)).subjects.map(({ kind, name, share }) => `${kind} ${name} ${share}`)
    const all = ['key busy 1', 'owner ann 0.5', 'team ml 0.2', 'key idle 0']
    assert.deepEqual(await names(), all)
    assert.deepEqual(await names('?sort=name'), ['owner ann 0.5', 'key busy 1', 'key idle 0', 'team ml 0.2'])
    assert.deepEqual(await names('?kind=key'), ['key busy 1', 'key idle 0'])
    assert.deepEqual(await names('?min_share=0.5'), all.slice(0, 2))
    assert.deepEqual(await names('?refused=true'), ['key busy 1'])
    assert.deepEqual(await names('?sort=refused&limit=1'), ['key busy 1'])
    assert.deepEqual(await names('?search=L'), ['team ml 0.2', 'key idle 0'])
    assert.deepEqual(await names('?owner=ann'), ['key busy 1'])
    assert.deepEqual(await names('?team=ml&owner=bob'), [])
    assert.deepEqual(await names('?subject=ml&subject=ann'), ['owner ann 0.5', 'team ml 0.2'])

    const walked: string[] = []
    let after: string | null = ''
    do {
      const shown: Page = await page(`?limit=1${after === '' ? '' : `&after=${after}`}`)
      assert.equal(shown.total, 4)
      walked.push(...shown.subjects.map(({ kind, name, share }) => `${kind} ${name} ${share}`))
      after = shown.next
    } while (after !== null)
    assert.deepEqual(walked, all)

    const csv = await fetch(`${gateway.url}/internal/admin/limits?format=csv`)
    assert.match(String(csv.headers.get('content-type')), /^text\/csv/)
    const [head, first] = (await csv.text()).split('\r\n')
    assert.match(String(head), /^kind,id,name,owner,team,field,counted,window,limit,used,reserved,/)
    assert.match(
      String(first),
      /^key,key_\w+,busy,ann,ml,requests_per_minute,requests,minute rolling,2,2,0,0,1,0,/,
    )

    for (const [query, field] of [
      ['?kind=keys', 'kind'],
      ['?sort=used', 'sort'],
      ['?min_share=80', 'min_share'],
      ['?min_share=', 'min_share'],
      ['?refused=yes', 'refused'],
      ['?limit=0', 'limit'],
      ['?nearest=1', 'nearest'],
    ] as const) {
      const { status: code, body } = await admin('GET', `/limits${query}`)
      assert.deepEqual([code, (body.error as { param: string }).param], [400, field])
    }
    // A cursor that the client has invented starts at the first page.
    assert.equal((await page('?after=nonsense')).subjects.length, 4)
  })

  it('is shown by the command', async (t) => {
    const { gateway, create, status } = await start(t)
    const key = await create('ci', { limits: { requests_per_minute: 2, budgets: [{ amount: 1 }] } })
    await create('idle', { limits: { max_concurrent: 1 } })
    for (const expected of [200, 200, 429]) assert.equal(await status(key), expected)
    const keys = (...args: string[]) => keysCommand(args, { OLLA_GATEWAY_URL: gateway.url })
    const { output, exitCode } = await keys('limits', 'ci')
    assert.equal(exitCode, 0)
    assert.match(output, /^LIMIT +USED +OF +SHARE +RESETS +REFUSED 1H +24H$/m)
    assert.match(output, /^requests_per_minute +2 +2 +100% +\S+Z +1 +1$/m)
    assert.match(output, /^budget money month calendar +0\.000100 +1 +0% +\S+Z +0 +0$/m)
    const { used } = JSON.parse((await keys('limits', 'ci', '--json')).output) as { used: Limit[] }
    assert.deepEqual(
      used.map(({ field, used: amount }) => [field, amount]),
      [
        ['requests_per_minute', 2],
        ['budgets', 0.0001],
      ],
    )
    const all = await keys('limits')
    assert.match(
      all.output,
      /^KIND +NAME +LIMIT[^\n]*\nkey +ci +requests_per_minute[^\n]*\nkey +ci +budget money[^\n]*\nkey +idle/,
    )
    assert.doesNotMatch((await keys('limits', '--near', '80')).output, /idle/)
    assert.doesNotMatch((await keys('limits', '--refused')).output, /idle/)
    assert.match((await keys('limits', '--search', 'no such')).output, /^no limits\n$/)
    assert.equal((await keys('limits', '--near', 'much')).exitCode, 3)
  })
})
