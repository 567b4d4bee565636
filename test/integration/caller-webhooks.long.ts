import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { parseConfig } from '../../src/config/load.ts'
import { bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'
import { isSigned, startWebhookReceiver } from '../support/webhook-receiver.ts'

const secret = 'the secret of a webhook in a test'
const budget = { amount: 100, unit: 'tokens', period: 'month', soft: 0.5 }

interface Status {
  readonly origin: string
  readonly delivered: number
  readonly failures: number
  readonly pending: number
  readonly dropped: number
  readonly error: string | null
}

async function start(t: TestContext, webhooks: readonly object[], more: object = {}) {
  const usage = { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 }
  const message = { role: 'assistant', content: 'hi' }
  const body = { id: 'x', choices: [{ index: 0, message, finish_reason: 'stop' }], usage }
  const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body }))
  const { key, entry } = configuredKey('ci', { limits: { budgets: [budget] } })
  const endpoints = [{ url: endpoint.url, name: 'one', type: 'openai' }]
  const callers = { secret: callersSecret, keys: [entry], ...more }
  const gateway = await startGateway(t, endpoints, { callers: { ...callers, webhooks } })
  const change = (next: readonly object[]) =>
    gateway.reload(endpoints, { callers: { ...callers, webhooks: next } })
  const send = async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: bearer(key),
      body: JSON.stringify({ model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] }),
    })
    await response.text()
    return response.status
  }
  const json = async (path: string) =>
    (await (await fetch(`${gateway.url}/internal/${path}`)).json()) as Record<string, unknown>
  const states = async () => (await json('admin/webhooks')).webhooks as Status[]
  const useUp = async () => {
    while ((await send()) === 200);
  }
  return { gateway, send, json, states, change, useUp }
}

describe('webhooks', () => {
  it('get one signed message when a budget warns and one when it refuses, however many requests there are', async (t) => {
    const receiver = await startWebhookReceiver(t)
    const { send, json, states, gateway } = await start(t, [
      { url: `${receiver.url}/hooks/path-secret`, secret },
    ])
    // Several at a time, on all threads.
    for (let round = 0; round < 4; round++) await Promise.all(Array.from({ length: 6 }, send))
    assert.equal(await send(), 429)
    await eventually(async () => (await states())[0]?.delivered === 2)
    const [soft, reached] = receiver.messages.toSorted((a, b) =>
      String(b.body.data.state).localeCompare(String(a.body.data.state)),
    )
    assert.ok(soft !== undefined && reached !== undefined)
    assert.deepEqual([soft.body.data.state, reached.body.data.state], ['soft', 'reached'])
    for (const message of [soft, reached]) {
      assert.ok(isSigned(message, secret))
      assert.equal(message.path, '/hooks/path-secret')
      const { kind, id, name, counted, window, limit } = message.body.data
      assert.equal(name, 'ci')
      assert.deepEqual(
        [message.body.type, kind, id, counted],
        ['callers.budget', 'key', 'config:ci', 'total'],
      )
      assert.deepEqual([window, limit], ['month calendar', 100])
      const sentMs = Number(message.headers['webhook-timestamp']) * 1000
      assert.ok(Math.abs(Date.now() - sentMs) < 300_000)
    }
    assert.notEqual(soft.headers['webhook-id'], reached.headers['webhook-id'])

    const { callers } = (await json('status')) as { callers: { webhooks: Status[] } }
    assert.deepEqual(callers.webhooks, await states())
    assert.equal(callers.webhooks[0]?.origin, receiver.url)
    const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
    const labels = `webhook="0",origin="${receiver.url}"`
    assert.ok(metrics.includes(`olla_webhook_messages_total{${labels},outcome="delivered"} 2`), metrics)
    const shown = JSON.stringify([await json('config'), await json('status'), await states()])
    assert.ok(!shown.includes(secret) && !shown.includes('path-secret'))
  })

  it('repeat a message that fails with the same ID, and show why it does not arrive', async (t) => {
    const receiver = await startWebhookReceiver(t, (response, before) => {
      if (before === 0) response.destroy()
      else response.writeHead(before === 1 ? 503 : 200).end()
    })
    const { send, states } = await start(t, [{ url: receiver.url, secret }])
    for (let count = 0; count < 7; count++) await send()
    await eventually(async () => (await states())[0]?.failures === 1)
    const [failing] = await states()
    assert.deepEqual([failing?.pending, failing?.delivered], [1, 0])
    assert.match(failing?.error ?? '', /connection/)
    await eventually(async () => (await states())[0]?.delivered === 1)
    const ids = new Set(receiver.messages.map(({ headers }) => headers['webhook-id']))
    assert.deepEqual([receiver.messages.length, ids.size], [3, 1])
    assert.ok(receiver.messages.every((message) => isSigned(message, secret)))
    assert.equal((await states())[0]?.error, null)
  })

  it('follow no redirect, and wait no longer than the timeout', async (t) => {
    const elsewhere = await startWebhookReceiver(t)
    const redirecting = await startWebhookReceiver(t, (response) =>
      response.writeHead(307, { location: `${redirecting.url}/elsewhere` }).end(),
    )
    const away = await startWebhookReceiver(t, (response) =>
      response.writeHead(302, { location: elsewhere.url }).end(),
    )
    // The head in time, the body never.
    const slow = await startWebhookReceiver(t, (response) => response.writeHead(200).write('x'))
    const silent = await startWebhookReceiver(t, () => undefined)
    const urls = [redirecting, away, slow, silent].map(({ url }) => ({ url, secret, timeout: '200ms' }))
    const { send, states, gateway } = await start(t, urls)
    for (let count = 0; count < 7; count++) await send()
    await eventually(async () => (await states()).every(({ failures }) => failures > 0))
    const errors = (await states()).map(({ error }) => error)
    assert.deepEqual(errors.slice(0, 2), ['status 307', 'status 302'])
    assert.deepEqual(errors.slice(2), ['no answer within 200 ms', 'no answer within 200 ms'])
    assert.ok(redirecting.messages.every(({ path }) => path === '/'))
    assert.equal(elsewhere.messages.length, 0)
    // A gateway whose receivers do not answer stops all the same.
    await gateway.close()
  })

  it('get one message when a rate warns and one when it refuses', async (t) => {
    const receiver = await startWebhookReceiver(t)
    const { key, entry } = configuredKey('soft', { limits: { requests_per_minute: 4, soft: 0.5 } })
    const { states, gateway } = await start(t, [{ url: receiver.url, secret }], { keys: [entry] })
    const send = () => postChat(gateway.url, { model: 'm' }, { headers: bearer(key) })
    const shown = []
    for (let count = 0; count < 6; count++) {
      const response = await send()
      await response.text()
      shown.push([response.status, response.headers.get('x-olla-limit-warning')])
    }
    assert.deepEqual(shown, [
      [200, null],
      [200, 'key; requests; minute; 50%'],
      [200, 'key; requests; minute; 75%'],
      [200, 'key; requests; minute; 100%'],
      [429, null],
      [429, null],
    ])
    await eventually(async () => (await states())[0]?.delivered === 2)
    assert.deepEqual(
      receiver.messages
        .map(({ body }) => [body.type, body.data.state, body.data.name, body.data.window])
        .sort(),
      [
        ['callers.limit', 'reached', 'soft', 'minute rolling'],
        ['callers.limit', 'soft', 'soft', 'minute rolling'],
      ],
    )
  })

  it('get after a restart what did not arrive before, once', async (t) => {
    let isUp = false
    const receiver = await startWebhookReceiver(t, (response) => response.writeHead(isUp ? 204 : 503).end())
    const store = await storeFile()
    const webhooks = [{ url: receiver.url, secret }]
    const first = await start(t, webhooks, { store })
    await first.useUp()
    await eventually(async () => (await first.states())[0]?.pending === 2)
    await first.gateway.close()
    const failed = new Set(receiver.messages.map(({ headers }) => headers['webhook-id']))
    receiver.messages.length = 0
    isUp = true
    const second = await start(t, webhooks, { store })
    await eventually(async () => (await second.states())[0]?.delivered === 2)
    assert.deepEqual(new Set(receiver.messages.map(({ headers }) => headers['webhook-id'])), failed)
    assert.ok(receiver.messages.every((message) => isSigned(message, secret)))
    await second.gateway.close()
    const third = await start(t, webhooks, { store })
    // A request would find the crossing again, and send it with the same ID.
    const [state] = await third.states()
    assert.deepEqual([state?.pending, state?.delivered, receiver.messages.length], [0, 0, 2])
  })

  it('are changed while the gateway runs, and one that stays keeps what it has to deliver', async (t) => {
    const away = await startWebhookReceiver(t, (response) => response.writeHead(503).end())
    const later = await startWebhookReceiver(t)
    const kept = { url: away.url, secret }
    const { send, states, change, useUp } = await start(t, [kept])
    for (let count = 0; count < 6; count++) await send()
    await eventually(async () => (await states())[0]?.failures !== 0)
    await change([{ url: later.url, secret, events: ['callers.budget'] }, kept])
    await eventually(async () => (await states()).length === 2)
    assert.deepEqual(
      (await states()).map(({ origin, pending }) => [origin, pending]),
      [
        [later.url, 0],
        [away.url, 1],
      ],
    )
    await useUp()
    await eventually(() => later.messages.length === 1)
    assert.equal(later.messages[0]?.body.data.state, 'reached')
    await change([])
    await eventually(async () => (await states()).length === 0)
  })

  it('get the events that they ask for, and only those', async (t) => {
    const changes = await startWebhookReceiver(t)
    const both = await startWebhookReceiver(t)
    const { send, states } = await start(t, [
      { url: changes.url, secret, events: ['callers.changed'] },
      { url: both.url, secret, events: ['callers.changed', 'callers.budget'] },
    ])
    for (let count = 0; count < 7; count++) await send()
    await eventually(async () => (await states())[1]?.delivered === 1)
    assert.deepEqual([changes.messages.length, (await states())[0]?.pending], [0, 0])
  })
})

describe('the configuration of webhooks', () => {
  const problems = (webhook: object): string => {
    try {
      parseConfig({ callers: { secret: callersSecret, webhooks: [webhook] } })
      return ''
    } catch (error) {
      return String(error)
    }
  }
  for (const [name, webhook, message] of [
    ['without a secret', { url: 'https://h/' }, /webhooks\[0\]\.secret: is needed/],
    [
      'with a short secret',
      { url: 'https://h/', secret: 'short' },
      /webhooks\[0\]\.secret: must have at least 24/,
    ],
    ['with a broken key', { url: 'https://h/', secret: `whsec_${'!'.repeat(24)}` }, /is not base64/],
    ['with a user', { url: 'https://user:pass@h/', secret }, /must not contain a user/],
    ['with another protocol', { url: 'ftp://h/', secret }, /webhooks\[0\]\.url: is not a URL/],
    [
      'with an unknown event',
      { url: 'https://h/', secret, events: ['budget'] },
      /webhooks\[0\]\.events\[0\]: must be/,
    ],
    ['without events', { url: 'https://h/', secret, events: [] }, /webhooks\[0\]\.events: must not be/],
    ['with an unknown key', { url: 'https://h/', secret, retry: 1 }, /webhooks\[0\]\.retry: unknown key/],
  ] as const) {
    it(`is refused ${name}`, () => assert.match(problems(webhook), message))
  }

  it('is accepted with a secret of either form, and in a file', async () => {
    assert.equal(problems({ url: 'http://127.0.0.1:1/', secret }), '')
    assert.equal(problems({ url: 'https://h/', secret: 'whsec_plJ3nmyCDGBKInavdOK15jsl' }), '')
    const file = join(await mkdtemp(join(tmpdir(), 'olla-webhook-')), 'secret')
    await writeFile(file, `${secret}\n`)
    assert.equal(problems({ url: 'https://h/', secret_file: file }), '')
  })
})
