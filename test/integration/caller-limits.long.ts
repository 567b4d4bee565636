import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { type ScriptedEndpoint, startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

type Section = Readonly<Record<string, unknown>>

const answer = (prompt = 5, completion = 5) => ({
  id: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
})

/** A gateway with one key that has these limits. */
async function start(
  t: TestContext,
  limits: Section,
  {
    callers = {},
    key = {},
    sections = {},
  }: { callers?: Section; key?: Section; sections?: Record<string, Record<string, unknown>> } = {},
) {
  const endpoint = await startScriptedEndpoint(t, ['llama3:8b', 'other'], () => ({ body: answer() }))
  const ci = configuredKey('ci', { limits, ...key })
  const gateway = await startGateway(t, [{ url: endpoint.url, name: 'one', type: 'openai' }], {
    ...sections,
    callers: { secret: callersSecret, keys: [ci.entry], ...callers },
  })
  const send = async (
    body: Section = {},
    path = '/v1/chat/completions',
    headers: Record<string, string> = {},
  ) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { ...bearer(ci.key), ...headers },
      body: JSON.stringify({
        model: 'llama3:8b',
        messages: [{ role: 'user', content: 'hi' }],
        max_tokens: 5,
        ...body,
      }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text }
  }
  return { gateway, endpoint, send, key: ci.key }
}

const codeOf = (text: string) => (JSON.parse(text) as { error: { code: string; type: string } }).error.code

/** Answers once the test says so. */
function holding(endpoint: ScriptedEndpoint): () => void {
  endpoint.answer = () => 'silent'
  return () => {
    endpoint.answer = () => ({ body: answer() })
  }
}

describe('limits of callers', () => {
  it('refuses the request after the last one of a minute, and says so in headers', async (t) => {
    const { send, endpoint } = await start(t, { requests_per_minute: 3 })
    const startedMs = performance.now()
    for (const remaining of ['2', '1', '0']) {
      const { status, headers } = await send()
      assert.equal(status, 200)
      assert.equal(headers.get('x-ratelimit-limit-requests'), '3')
      assert.equal(headers.get('x-ratelimit-remaining-requests'), remaining)
      assert.match(headers.get('x-ratelimit-reset-requests') ?? '', /^1m\ds$/)
    }
    const refused = await send()
    assert.equal(refused.status, 429)
    assert.equal(codeOf(refused.text), 'rate_limit_exceeded')
    assert.equal(refused.headers.get('x-ratelimit-remaining-requests'), '0')
    const seconds = Number(refused.headers.get('retry-after'))
    const elapsed = (performance.now() - startedMs) / 1_000
    assert(seconds > 54 - elapsed && seconds <= 66, `${seconds} s after ${elapsed} s`)
    assert.equal(endpoint.calls.length, 3)
  })

  it('speaks to Anthropic clients in their headers and errors', async (t) => {
    const { send } = await start(t, {
      requests_per_minute: 1,
      tokens_per_minute: { prompt: 1_000, completion: 100, total: 2_000 },
    })
    const { status, headers } = await send({}, '/v1/messages', { 'anthropic-version': '2023-06-01' })
    assert.equal(status, 200)
    for (const [name, limit] of [
      ['requests', 1],
      ['tokens', 2_000],
      ['input-tokens', 1_000],
      ['output-tokens', 100],
    ] as const) {
      assert.equal(headers.get(`anthropic-ratelimit-${name}-limit`), String(limit), name)
      assert(Number(headers.get(`anthropic-ratelimit-${name}-remaining`)) < limit, name)
      assert.match(
        headers.get(`anthropic-ratelimit-${name}-reset`) ?? '',
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
      )
    }
    const refused = await send({}, '/v1/messages', { 'anthropic-version': '2023-06-01' })
    assert.equal(refused.status, 429)
    const { error } = JSON.parse(refused.text) as { error: { type: string } }
    assert.equal(error.type, 'rate_limit_error')
  })

  it('lets no more of 50 parallel requests through than a budget has tokens for', async (t) => {
    const { send, endpoint } = await start(t, {
      budgets: [{ amount: 10_000, unit: 'tokens', period: 'day' }],
    })
    holding(endpoint)
    const refused = refusalsOf(50, () => send({ max_tokens: 980 }))
    await eventually(() => refused.length === 40 && endpoint.calls.length === 10)
    for (const { status, headers, text } of refused) {
      assert.equal(status, 429)
      assert.equal(codeOf(text), 'insufficient_quota')
      assert.equal(headers.get('x-should-retry'), 'false')
      assert(Number(headers.get('retry-after')) <= 86_400)
    }
  })

  it('settles by what was used, so that a reservation does not eat the budget', async (t) => {
    const { send, endpoint } = await start(t, {
      budgets: [{ amount: 1_100, unit: 'tokens', period: 'ever' }],
    })
    for (let served = 0; served < 10; served++) assert.equal((await send({ max_tokens: 900 })).status, 200)
    assert.equal((await send({ max_tokens: 1_000 })).status, 429, '100 are used, and the prompt is some')
    assert.equal((await send({ max_tokens: 900 })).status, 200)
    assert.equal(endpoint.calls.length, 11)
  })

  it('counts money by the price table, and tells priced, free and unknown models apart', async (t) => {
    const { send } = await start(
      t,
      { budgets: [{ amount: 0.001, unit: 'money', period: 'month' }] },
      {
        callers: {
          prices: [{ models: ['llama*'], input: 10, output: 10 }, { models: ['other'] }],
        },
      },
    )
    // 10 tokens cost 0.0001 each time.
    let served = 0
    while ((await send()).status === 200) served++
    assert(served >= 7 && served <= 10, String(served))
    assert.equal((await send({ model: 'other' })).status, 200, 'a free model costs nothing')
    const unknown = await send({ model: 'unknown' })
    assert.notEqual(unknown.status, 200)
  })

  it('refuses a model without a price if there is a budget in money', async (t) => {
    const { send, endpoint } = await start(
      t,
      { budgets: [{ amount: 1_000, unit: 'money', period: 'month' }] },
      { callers: { prices: [{ models: ['other'], input: 1 }] } },
    )
    const refused = await send()
    assert.deepEqual([refused.status, codeOf(refused.text)], [403, 'model_not_allowed'])
    assert.equal(endpoint.calls.length, 0)
    assert.equal((await send({ model: 'other' })).status, 200)
  })

  it('keeps the limits of a team over its keys', async (t) => {
    const other = configuredKey('other', { team: 'ml' })
    const ci = configuredKey('own', { team: 'ml' })
    const { gateway, endpoint } = await start(
      t,
      {},
      {
        callers: {
          keys: [other.entry, ci.entry],
          teams: [{ name: 'ml', limits: { requests_per_minute: 2 } }],
        },
      },
    )
    const statuses: number[] = []
    for (const key of [ci.key, other.key, ci.key, other.key]) {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: bearer(key),
        body: JSON.stringify({ model: 'llama3:8b', messages: [] }),
      })
      await response.text()
      statuses.push(response.status)
    }
    assert.deepEqual(statuses, [200, 200, 429, 429])
    assert.equal(endpoint.calls.length, 2)
  })

  it('changes no amount for a request that it refuses', async (t) => {
    const { send } = await start(t, { requests_per_minute: 4, tokens_per_minute: { total: 200 } })
    assert.equal((await send()).status, 200)
    for (let tries = 0; tries < 10; tries++) assert.equal((await send({ max_tokens: 500 })).status, 429)
    for (let tries = 0; tries < 3; tries++) assert.equal((await send()).status, 200)
    assert.equal((await send()).status, 429)
  })

  it('frees the slot of a request, however it ends', async (t) => {
    const { send, endpoint, gateway, key } = await start(
      t,
      { max_concurrent: 1 },
      {
        sections: { proxy: { response_timeout: '300ms' } },
      },
    )
    const release = holding(endpoint)
    const aborted = new AbortController()
    const first = fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: bearer(key),
      body: JSON.stringify({ model: 'llama3:8b', messages: [] }),
      signal: aborted.signal,
    }).catch(() => undefined)
    await eventually(() => endpoint.calls.length === 1)
    const refused = await send()
    assert.deepEqual([refused.status, codeOf(refused.text)], [429, 'rate_limit_exceeded'])
    aborted.abort()
    await first
    release()
    await eventually(async () => (await send()).status === 200)
    const endings: Readonly<Record<string, ScriptedEndpoint['answer']>> = {
      status: () => ({ status: 400, body: { error: { message: 'no' } } }),
      failure: () => ({ status: 500, body: 'no' }),
      reset: () => 'reset',
      timeout: () => 'silent',
    }
    for (const [name, ending] of Object.entries(endings)) {
      endpoint.answer = ending
      assert.notEqual((await send()).status, 200, name)
      release()
      await eventually(async () => (await send()).status === 200)
    }
    assert.equal((await send({ model: 7 })).status, 400, 'a bad body')
    assert.equal((await send({}, '/v1/chat/completions', { 'content-type': 'text/plain' })).status, 200)
    assert.equal((await send({ model: 'unknown' })).status, 404)
    assert.equal((await send()).status, 200)
  })

  it('never lets more through at a time than there are slots', async (t) => {
    const { send, endpoint } = await start(t, { max_concurrent: 5 })
    holding(endpoint)
    const refused = refusalsOf(100, send)
    await eventually(() => refused.length === 95 && endpoint.calls.length === 5)
  })

  it('refuses every route of inference once a budget is used up', async (t) => {
    const { send, endpoint } = await start(t, {
      budgets: [{ amount: 20, unit: 'tokens', period: 'ever' }],
    })
    endpoint.answer = () => ({ body: answer(50, 50) })
    assert.equal((await send({ max_tokens: 1 })).status, 200)
    const before = endpoint.calls.length
    for (const path of [
      '/v1/chat/completions',
      '/v1/completions',
      '/v1/responses',
      '/v1/embeddings',
      '/v1/rerank',
      '/v1/score',
      '/v1/messages',
      '/api/chat',
      '/api/generate',
      '/api/embed',
      '/api/embeddings',
      '/olla/proxy/completion',
      '/olla/proxy/infill',
      '/olla/proxy/v1/completions',
      '/olla/proxy/v1/chat/completions',
      '/olla/openai/v1/chat/completions',
      '/olla/anthropic/v1/messages',
    ]) {
      const refused = await send(
        { max_tokens: 1, prompt: 'x', input: 'x', query: 'x', documents: ['x'] },
        path,
      )
      assert.equal(refused.status, 429, `${path} ${refused.text}`)
    }
    assert.equal(endpoint.calls.length, before)
  })

  it('warns by header and event from the soft share of a budget on', async (t) => {
    const { send, gateway } = await start(t, {
      budgets: [{ amount: 100, unit: 'tokens', period: 'day', soft: 0.5 }],
    })
    assert.equal((await send()).headers.get('x-olla-budget-warning'), null)
    let warning: string | null = null
    for (let tries = 0; tries < 6 && warning === null; tries++)
      warning = (await send()).headers.get('x-olla-budget-warning')
    assert.match(warning ?? '', /^key; total; day; \d+%$/)
    const events = await fetch(`${gateway.url}/internal/events`, { headers: { 'last-event-id': '0' } })
    let text = ''
    for await (const chunk of events.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (/callers\.budget[\s\S]*\n\n/.test(text)) break
    }
    assert.equal(text.match(/"type":"callers\.budget"/g)?.length, 1, text)
    assert.match(text, /"used":\d+,"limit":100/)
  })
})

/** Sends requests at once, some of which never get an answer. @returns the answers as they come */
function refusalsOf<Answer>(count: number, send: () => Promise<Answer>): Answer[] {
  const answers: Answer[] = []
  for (let at = 0; at < count; at++)
    send().then(
      (answer) => answers.push(answer),
      () => undefined,
    )
  return answers
}
