/** Endpoints that operators add, change and remove while requests run. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface Answer {
  readonly status: number
  readonly etag: string | null
  readonly body: {
    readonly outcome?: string
    readonly endpoint?: string
    readonly status?: string
    readonly changes?: readonly { readonly key: string }[]
    readonly endpoints?: readonly {
      readonly name: string
      readonly source: string
      readonly changed: readonly string[]
    }[]
    readonly removed?: readonly string[]
    readonly settings?: Readonly<Record<string, unknown>>
    readonly error?: { readonly message: string }
    readonly warning?: string | null
  }
}

const base = '/internal/admin/endpoints'

async function call(
  gateway: RunningGateway,
  method: string,
  path: string,
  body?: object,
  headers = {},
): Promise<Answer> {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: {
      'x-olla-gateway': '1',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    body: (await response.json()) as Answer['body'],
  }
}

const server = (t: TestContext, name: string, models: readonly string[]) =>
  withSimulator(t, { name, kind: 'vllm', models })

async function setUp(t: TestContext, sections: Record<string, Record<string, unknown>> = {}) {
  const fixed = await server(t, 'fixed', ['m'])
  const entry = { url: fixed.url, name: 'fixed', type: 'vllm' }
  const gateway = await startGateway(t, [entry], sections)
  const names = async () => (await gateway.status()).map(({ name }) => name).sort()
  return { gateway, fixed, entry, names }
}

function stateFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'endpoint-admin-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'state.json')
}

describe('/internal/admin/endpoints', () => {
  it('adds an endpoint, which serves at once, and removes it', async (t) => {
    const { gateway, names } = await setUp(t)
    const two = await server(t, 'two', ['two'])
    const added = await call(gateway, 'POST', base, { url: two.url, name: 'two', type: 'vllm' })
    assert.equal(added.status, 201)
    assert.equal(added.body.outcome, 'applied')
    assert.equal(added.etag, '"v2"')
    const answer = await postChat(gateway.url, { model: 'two' })
    assert.equal(answer.headers.get('x-olla-endpoint'), 'two')
    await answer.text()
    const list = await call(gateway, 'GET', base)
    assert.deepEqual(
      list.body.endpoints?.map(({ name, source }) => `${name} ${source}`),
      ['fixed configured', 'two added'],
    )
    assert.equal((await call(gateway, 'DELETE', `${base}/two`)).status, 200)
    await eventually(async () => (await names()).join() === 'fixed')
    assert.equal((await call(gateway, 'DELETE', `${base}/two`)).status, 404)
  })

  it('changes keys of a configured endpoint, and takes that back', async (t) => {
    const { gateway, fixed } = await setUp(t)
    const changed = await call(gateway, 'PATCH', `${base}/fixed`, {
      headers: { 'x-site': 'lab' },
      priority: 7,
    })
    assert.equal(changed.status, 200)
    await (await postChat(gateway.url)).text()
    assert.equal(
      fixed.control
        .requests()
        .findLast(({ method }) => method === 'POST')
        ?.header('x-site'),
      'lab',
    )
    const shown = await call(gateway, 'GET', `${base}/fixed`)
    assert.equal(shown.body.settings?.priority, 7)
    await call(gateway, 'PATCH', `${base}/fixed`, { priority: null })
    assert.equal((await call(gateway, 'GET', `${base}/fixed`)).body.settings?.priority, 100)
    assert.equal((await call(gateway, 'POST', `${base}/fixed/reset`)).status, 200)
    assert.equal((await call(gateway, 'POST', `${base}/fixed/reset`)).status, 404)
    const { body } = await call(gateway, 'GET', base)
    assert.deepEqual(body.endpoints?.[0]?.changed, [])
  })

  it('keeps changes through a reload, and removes a configured endpoint until reset', async (t) => {
    const { gateway, entry, names } = await setUp(t)
    const two = await server(t, 'two', ['m'])
    await call(gateway, 'POST', base, { url: two.url, name: 'two', type: 'vllm' })
    await call(gateway, 'DELETE', `${base}/fixed`)
    await eventually(async () => (await names()).join() === 'two')
    await gateway.reload([{ ...entry, weight: 3 }])
    assert.deepEqual(await names(), ['two'])
    assert.deepEqual((await call(gateway, 'GET', base)).body.removed, ['fixed'])
    await call(gateway, 'POST', `${base}/fixed/reset`)
    assert.deepEqual(await names(), ['fixed', 'two'])
    assert.equal((await call(gateway, 'GET', `${base}/fixed`)).body.settings?.weight, 3)
  })

  it('changes and removes a configured endpoint to which an added one of its name has given way', async (t) => {
    const { gateway, entry, fixed, names } = await setUp(t)
    await call(gateway, 'POST', base, { url: fixed.url, name: 'two', type: 'vllm' })
    await gateway.reload([entry, { ...entry, name: 'two' }])
    const shown = async () => (await call(gateway, 'GET', base)).body.endpoints?.[1]
    assert.deepEqual([(await shown())?.source, (await shown())?.changed], ['configured', []])
    await call(gateway, 'PATCH', `${base}/two`, { weight: 4 })
    assert.deepEqual((await shown())?.changed, ['weight'])
    await call(gateway, 'DELETE', `${base}/two`)
    await eventually(async () => (await names()).join() === 'fixed')
  })

  it('shows what a change would do', async (t) => {
    const { gateway, names } = await setUp(t)
    const dry = await call(gateway, 'POST', `${base}?dry_run=true`, {
      url: 'http://127.0.0.1:9',
      name: 'two',
    })
    assert.equal(dry.status, 200)
    assert.deepEqual(
      dry.body.changes?.map(({ key }) => key),
      ['discovery.static.endpoints[two]'],
    )
    assert.deepEqual(await names(), ['fixed'])
    assert.equal((await call(gateway, 'PATCH', `${base}/two`, { weight: 2 })).status, 404)
  })

  it('changes only the version that If-Match names', async (t) => {
    const { gateway } = await setUp(t)
    const { etag } = await call(gateway, 'GET', base)
    const patch = (weight: number, tag: string) =>
      call(gateway, 'PATCH', `${base}/fixed`, { weight }, { 'if-match': tag })
    const first = await patch(2, etag ?? '')
    assert.equal(first.status, 200)
    assert.equal((await patch(3, etag ?? '')).status, 412)
    assert.equal((await patch(3, '"other"')).status, 412)
    assert.equal((await patch(3, first.etag ?? '')).status, 200)
    assert.equal((await patch(4, '*')).status, 200)
  })

  for (const [name, body, message] of [
    ['without a URL', { name: 'x' }, /"url" is missing/],
    ['with a wrong URL', { url: 'ftp://a' }, /^url: /],
    ['with an unknown key', { url: 'http://a', wieght: 1 }, /wieght.*did you mean "weight"/],
    ['of an unknown type', { url: 'http://a', type: 'vlm' }, /^type: .*did you mean "vllm"/],
    ['with a wrong duration', { url: 'http://a', check_interval: 5 }, /^check_interval: /],
    ['with credentials in the URL', { url: 'http://me:secret@a' }, /^url: must not hold credentials/],
  ] as const)
    it(`refuses one ${name}, and says why`, async (t) => {
      const { gateway } = await setUp(t)
      const { status, body: answer } = await call(gateway, 'POST', base, body)
      assert.equal(status, 400)
      assert.match(answer.error?.message ?? '', message)
      assert.doesNotMatch(answer.error?.message ?? '', /secret/)
    })

  it('refuses a name that is taken, and a new name', async (t) => {
    const { gateway } = await setUp(t)
    assert.equal(
      (await call(gateway, 'POST', base, { url: 'http://127.0.0.1:9', name: 'fixed' })).status,
      409,
    )
    assert.equal((await call(gateway, 'PATCH', `${base}/fixed`, { name: 'other' })).status, 400)
  })

  it('refuses changes without proof that no page of another site asks', async (t) => {
    const { gateway, names } = await setUp(t)
    const response = await fetch(`${gateway.url}${base}/fixed`, { method: 'DELETE' })
    assert.equal(response.status, 403)
    assert.deepEqual(await names(), ['fixed'])
  })

  it('shows no secret', async (t) => {
    const { gateway } = await setUp(t)
    await call(gateway, 'PATCH', `${base}/fixed`, { auth: { type: 'bearer', token: 'canary-token' } })
    const texts = [await call(gateway, 'GET', base), await call(gateway, 'GET', `${base}/fixed`)]
    assert.doesNotMatch(JSON.stringify(texts), /canary-token/)
  })

  it('probes, reads models and closes the circuit of one', async (t) => {
    const { gateway, fixed } = await setUp(t)
    const probes = () => fixed.control.requests().length
    const before = probes()
    assert.equal((await call(gateway, 'POST', `${base}/fixed/probe`)).body.status, 'healthy')
    assert.ok(probes() > before)
    assert.equal((await call(gateway, 'POST', `${base}/fixed/refresh`)).status, 200)
    assert.equal((await call(gateway, 'POST', `${base}/fixed/reset-circuit`)).status, 200)
    for (const action of ['probe', 'refresh', 'reset-circuit'])
      assert.equal((await call(gateway, 'POST', `${base}/nothing/${action}`)).status, 404)
  })
})

describe('server.state_file', () => {
  it('keeps what operators have added and changed over a restart', async (t) => {
    const file = stateFile(t)
    const sections = { server: { state_file: file } }
    const { gateway, entry } = await setUp(t, sections)
    const two = await server(t, 'two', ['two'])
    await call(gateway, 'POST', base, {
      url: two.url,
      name: 'two',
      type: 'vllm',
      auth: { type: 'bearer', token: 'x' },
    })
    const changed = await call(gateway, 'PATCH', `${base}/fixed`, { weight: 5 })
    assert.equal(changed.body.warning, null)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    await gateway.close()

    const next = await startGateway(t, [entry], sections)
    await eventually(async () => (await next.status()).length === 2)
    assert.equal((await call(next, 'GET', `${base}/fixed`)).body.settings?.weight, 5)
    const answer = await postChat(next.url, { model: 'two' })
    assert.equal(answer.status, 200)
    await answer.text()
  })

  it('that cannot be written is a warning, and the change holds', async (t) => {
    const file = stateFile(t)
    const { gateway } = await setUp(t, { server: { state_file: join(file, 'missing', 'state.json') } })
    const changed = await call(gateway, 'PATCH', `${base}/fixed`, { weight: 5 })
    assert.equal(changed.status, 200)
    assert.match(changed.body.warning ?? '', /ENOENT/)
    assert.equal((await call(gateway, 'GET', `${base}/fixed`)).body.settings?.weight, 5)
  })

  it('that is not one stops the start', async (t) => {
    const file = stateFile(t)
    writeFileSync(file, '{"version":2}')
    await assert.rejects(setUp(t, { server: { state_file: file } }), /state_file .* version 1/)
    assert.equal(readFileSync(file, 'utf8'), '{"version":2}')
  })
})
