/** Operations on models at endpoints, through the routes that operators use. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { SimulatorOptions } from '../../simulator/model.ts'
import type { Simulator } from '../../simulator/server.ts'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface Operation {
  readonly id: string
  readonly operation: string
  readonly endpoint: string
  readonly model: string
  readonly state: string
  readonly detail: string
  readonly completed: number | null
  readonly by: string
}

interface Answer {
  readonly status: number
  readonly operations: readonly Operation[]
  readonly refused: readonly { readonly endpoint: string | null; readonly reason: string }[]
  readonly message: string
}

const change = { 'x-olla-gateway': '1' }

async function call(gateway: RunningGateway, method: string, path: string): Promise<Answer> {
  const response = await fetch(`${gateway.url}/internal/admin/${path}`, { method, headers: change })
  const body = (await response.json()) as Partial<Answer> & { error?: { message: string } }
  return {
    status: response.status,
    operations: body.operations ?? [],
    refused: body.refused ?? [],
    message: body.error?.message ?? '',
  }
}

const posted = (simulator: Simulator, path: string) =>
  simulator.control
    .requests()
    .filter((request) => request.method !== 'GET' && request.path === path)
    .map((request) => request.json())

const isLoaded = (simulator: Simulator, name: string) =>
  simulator.control.models().find((model) => model.name === name)?.loaded

async function setUp(t: TestContext, ...servers: readonly SimulatorOptions[]) {
  const simulators = await Promise.all(servers.map((options) => withSimulator(t, options)))
  const endpoints = simulators.map(({ url, name, kind }) => ({ url, name, type: kind }))
  const gateway = await startGateway(t, endpoints, { discovery: { residency_interval: '200ms' } })
  return { gateway, simulators }
}

const named = (name: string) => encodeURIComponent(name)
const cold = (name: string) => ({ name, loaded: false })

describe('operations on models', () => {
  it('load, unload, pull and delete at Ollama', async (t) => {
    const model = 'hf.co/org/tiny:Q4_K_M'
    const { gateway, simulators } = await setUp(t, { kind: 'ollama', name: 'box', models: [cold(model)] })
    const [box] = simulators
    assert.ok(box)
    const loaded = await call(
      gateway,
      'POST',
      `models/${named(model)}/load?endpoint=box&wait=30s&keep_alive=1h`,
    )
    assert.equal(loaded.status, 200)
    assert.deepEqual(
      loaded.operations.map(({ operation, endpoint, state }) => [operation, endpoint, state]),
      [['load', 'box', 'done']],
    )
    assert.equal(isLoaded(box, model), true)
    assert.equal(posted(box, '/api/generate')[0]?.keep_alive, '1h')
    // A name with its slashes as they are.
    const unloaded = await call(gateway, 'POST', `models/${model}/unload?wait=30s`)
    assert.equal(unloaded.status, 200)
    assert.equal(isLoaded(box, model), false)
    const pulled = await call(gateway, 'POST', 'models/new/pull?wait=30s')
    assert.equal(pulled.operations[0]?.state, 'done')
    const names = () => box.control.models().map(({ name }) => name)
    assert.deepEqual(names(), [model, 'new:latest'])
    // The lists of models show it at once, on every thread a moment later.
    await eventually(async () => {
      const list = (await (await fetch(`${gateway.url}/v1/models`)).json()) as { data: { id: string }[] }
      return list.data.some(({ id }) => id === 'new:latest')
    })
    assert.equal((await call(gateway, 'DELETE', `models/${model}?wait=30s`)).status, 200)
    assert.deepEqual(names(), ['new:latest'])
  })

  it('load eight times at once is one load at the endpoint', async (t) => {
    const { gateway, simulators } = await setUp(
      t,
      { kind: 'lm-studio', name: 'desk', models: [cold('a')], loadMs: 200 },
      { kind: 'ollama', name: 'box', models: [cold('a')], loadMs: 200 },
    )
    for (const [at, path] of [
      [0, '/api/v1/models/load'],
      [1, '/api/generate'],
    ] as const) {
      const simulator = simulators[at]
      assert.ok(simulator)
      const answers = await Promise.all(
        Array.from({ length: 8 }, () =>
          call(gateway, 'POST', `models/a/load?endpoint=${simulator.name}&wait=30s`),
        ),
      )
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
      assert.equal(new Set(answers.map(({ operations }) => operations[0]?.id)).size, 1)
      assert.equal(posted(simulator, path).length, 1)
      // LM Studio would put a second copy into memory.
      await call(gateway, 'POST', `models/a/load?endpoint=${simulator.name}&wait=30s`)
      assert.equal(simulator.control.memory.copies.get('a') ?? 1, 1)
    }
  })

  it('choose the endpoint with the most room, and all that have the model', async (t) => {
    const { gateway, simulators } = await setUp(
      t,
      { kind: 'ollama', name: 'full', models: [{ name: 'big:70b', loaded: true }, cold('a')] },
      { kind: 'ollama', name: 'free', models: [cold('a')] },
      { kind: 'ollama', name: 'other', models: ['b'] },
    )
    const [full, free, other] = simulators
    assert.ok(full && free && other)
    // Its memory has been read.
    await eventually(async () => {
      const response = await fetch(`${gateway.url}/internal/admin/models`)
      return (await response.text()).includes('"loaded"')
    })
    const loaded = await call(gateway, 'POST', 'models/a/load?wait=30s')
    assert.deepEqual(
      loaded.operations.map(({ endpoint }) => endpoint),
      ['free'],
    )
    await call(gateway, 'POST', 'models/a/load?endpoint=f*&wait=30s')
    assert.equal(isLoaded(full, 'a'), true)
    const unloaded = await call(gateway, 'POST', 'models/a/unload?wait=30s')
    assert.deepEqual(unloaded.operations.map(({ endpoint }) => endpoint).sort(), ['free', 'full'])
    assert.deepEqual([isLoaded(full, 'a'), isLoaded(free, 'a'), isLoaded(other, 'b')], [false, false, true])
  })

  it('download and unload at LM Studio, with progress', async (t) => {
    const { gateway, simulators } = await setUp(t, { kind: 'lm-studio', name: 'desk', models: ['a'] })
    const [desk] = simulators
    assert.ok(desk)
    assert.equal((await call(gateway, 'POST', 'models/a/unload?wait=30s')).operations[0]?.state, 'done')
    assert.equal(isLoaded(desk, 'a'), false)
    const response = await fetch(`${gateway.url}/internal/admin/models/org%2Fnew/pull`, {
      method: 'POST',
      headers: { ...change, accept: 'application/x-ndjson' },
    })
    assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
    const lines = (await response.text()).trim().split('\n')
    const seen = lines.map((line) => JSON.parse(line) as Operation)
    assert.equal(seen[0]?.state, 'running')
    assert.equal(seen.at(-1)?.state, 'done')
    assert.ok(seen.some(({ completed }) => completed !== null && completed > 0))
    assert.ok(desk.control.models().some(({ name }) => name === 'org/new'))
    const events = await fetch(`${gateway.url}/internal/admin/models/a/load`, {
      method: 'POST',
      headers: { ...change, accept: 'text/event-stream' },
    })
    assert.match(await events.text(), /^event: operation\ndata: \{.*"state":"running".*"state":"done"/s)
    const failed = await call(gateway, 'POST', 'models/missing/pull?wait=30s')
    assert.equal(failed.status, 502)
    assert.match(failed.message, /desk: the download failed/)
  })

  it('load, unload, pull and delete at a llama.cpp router, and fail at a server with one model', async (t) => {
    const { gateway, simulators } = await setUp(
      t,
      { kind: 'llamacpp', name: 'router', isRouter: true, models: [cold('a'), cold('bad')], loadMs: 50 },
      { kind: 'llamacpp', name: 'single', models: ['s'] },
    )
    const [router] = simulators
    assert.ok(router)
    router.control.memory.broken.add('bad')
    const done = async (method: string, path: string) =>
      (await call(gateway, method, `${path}wait=30s`)).operations[0]?.state
    assert.equal(await done('POST', 'models/a/load?'), 'done')
    assert.equal(isLoaded(router, 'a'), true)
    assert.equal(await done('POST', 'models/a/unload?'), 'done')
    assert.equal(isLoaded(router, 'a'), false)
    assert.equal(await done('POST', `models/${named('org/x:Q4')}/pull?endpoint=router&`), 'done')
    assert.equal(await done('DELETE', `models/${named('org/x:Q4')}?`), 'done')
    const broken = await call(gateway, 'POST', 'models/bad/load?wait=30s')
    assert.equal(broken.status, 502)
    assert.match(broken.message, /ended with code 1/)
    const single = await call(gateway, 'POST', 'models/s/load?wait=30s')
    assert.equal(single.status, 502)
    assert.match(single.message, /only router mode/)
  })

  it('put vLLM to sleep out of service, and wake it', async (t) => {
    const { gateway, simulators } = await setUp(t, { kind: 'vllm', name: 'gpu', models: ['a'] })
    const [gpu] = simulators
    assert.ok(gpu)
    const slept = await call(gateway, 'POST', 'models/a/sleep?level=2&wait=30s')
    assert.equal(slept.operations[0]?.detail, 'asleep, level 2')
    assert.equal(gpu.control.memory.isAsleep, true)
    const refused = await postChat(gateway.url, { model: 'a' })
    await refused.text()
    assert.equal(refused.status, 503)
    const woken = await call(gateway, 'POST', 'models/a/wake?wait=30s')
    assert.equal(woken.operations[0]?.state, 'done')
    const answered = await postChat(gateway.url, { model: 'a' })
    await answered.text()
    assert.equal(answered.status, 200)
  })

  for (const kind of ['vllm', 'sglang'] as const) {
    it(`load and unload LoRA adapters at ${kind}`, async (t) => {
      const { gateway, simulators } = await setUp(t, { kind, name: 'gpu', models: ['org/base'] })
      const [gpu] = simulators
      assert.ok(gpu)
      const adapter = `adapter=${named('team/style:v2')}`
      const without = await call(gateway, 'POST', `models/org/base/load-adapter?${adapter}`)
      assert.equal(without.status, 400)
      const load = `models/org/base/load-adapter?${adapter}&path=${named('/adapters/x')}&wait=30s`
      assert.equal((await call(gateway, 'POST', load)).operations[0]?.state, 'done')
      const again = await call(gateway, 'POST', load)
      assert.match(again.message, /already been loaded/)
      await eventually(async () => {
        const chat = await postChat(gateway.url, { model: 'team/style:v2' })
        await chat.text()
        return chat.status === 200
      })
      const unload = `models/org/base/unload-adapter?${adapter}&wait=30s`
      assert.equal((await call(gateway, 'POST', unload)).operations[0]?.state, 'done')
      assert.deepEqual(
        gpu.control.models().map(({ name }) => name),
        ['org/base'],
      )
    })
  }

  it('are refused with what the endpoint can', async (t) => {
    const { gateway } = await setUp(
      t,
      { kind: 'vllm', name: 'gpu', models: ['a'] },
      { kind: 'lmdeploy', name: 'plain', models: ['p'] },
    )
    const cases: [string, string, number, RegExp][] = [
      [
        'POST',
        'models/a/load?endpoint=gpu',
        422,
        /cannot load\. It can: sleep, wake, load_adapter, unload_adapter/,
      ],
      ['POST', 'models/a/load', 422, /No endpoint can load "a".*gpu: sleep/],
      ['DELETE', 'models/p?endpoint=plain', 422, /It has no operations on models/],
      ['POST', 'models/none/sleep?endpoint=gpu', 404, /does not have the model "none"/],
      ['POST', 'models/a/sleep?endpoint=nowhere', 404, /There is no endpoint "nowhere"/],
      ['POST', 'models/none/unload', 404, /No endpoint has the model/],
      ['POST', 'models/a/explode', 404, /./],
      ['POST', 'models/load', 400, /names no model/],
      ['POST', 'models/a/sleep?force=yes', 400, /force/],
      ['POST', 'models/a/sleep?level=3', 400, /level/],
      ['POST', 'models/a/sleep?wait=2h', 400, /wait/],
      ['DELETE', 'operations/op-99', 404, /No such operation/],
    ]
    for (const [method, path, status, message] of cases) {
      const answer = await call(gateway, method, path)
      assert.equal(answer.status, status, `${method} ${path}: ${answer.message}`)
      assert.match(answer.message, message, path)
    }
    for (const path of ['models/a/sleep', 'models/org/a/sleep', 'models/org%2Fa/sleep']) {
      const unmarked = await fetch(`${gateway.url}/internal/admin/${path}`, { method: 'POST' })
      await unmarked.text()
      assert.equal(unmarked.status, 403, path)
    }
  })

  it('are listed, cancelled and published as events', async (t) => {
    const { gateway, simulators } = await setUp(t, {
      kind: 'ollama',
      name: 'box',
      models: [cold('a')],
      loadMs: 60_000,
    })
    const [box] = simulators
    assert.ok(box)
    const begun = await call(gateway, 'POST', 'models/a/load')
    assert.equal(begun.status, 202)
    const id = begun.operations[0]?.id
    await eventually(() => posted(box, '/api/generate').length === 1)
    const conflict = await call(gateway, 'POST', 'models/a/unload')
    assert.equal(conflict.status, 409)
    assert.match(conflict.message, /load of "a" is under way/)
    const response = await fetch(`${gateway.url}/internal/admin/operations/${id}`, {
      method: 'DELETE',
      headers: change,
    })
    assert.equal(((await response.json()) as Operation).state, 'cancelled')
    // The request to the endpoint ends with it.
    await eventually(() => box.control.counters().openSockets === 0 || box.control.counters().inFlight === 0)
    const list = await call(gateway, 'GET', 'operations')
    assert.deepEqual(
      list.operations.map(({ state, by }) => [state, by]),
      [['cancelled', '127.0.0.1']],
    )
    const events = await fetch(`${gateway.url}/internal/events?replay=50&types=model*&samples=false`)
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('"cancelled"')) text += (await reader?.read())?.value ?? assert.fail('no event')
    await reader?.cancel()
    assert.match(text, /"state":"running"/)
    assert.match(text, /cancelled by 127\.0\.0\.1/)
  })
})
