import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { kinds } from '../../simulator/kinds.ts'
import { simulatorKinds } from '../../simulator/model.ts'
import { parseModelList } from '../../src/endpoints/discovery/list-parsers.ts'
import { detectProfile } from '../../src/endpoints/profiles/detect.ts'
import { ProfileStore } from '../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../src/kernel/package.ts'
import { withSimulator } from '../support/simulator.ts'

const model = { name: 'llama3.2:3b', contextLength: 4096 }
const profiles = new ProfileStore({ builtIn: profilesFolder })

for (const kind of simulatorKinds) {
  suite(`a simulated ${kind}`, () => {
    const profile = profiles.get(kind)
    assert.ok(profile !== undefined)

    test('serves the model list and the health route of its profile', async (t) => {
      const simulator = await withSimulator(t, { kind, models: [model, 'nomic-embed-text'] })
      const list = await fetch(`${simulator.url}${profile.modelDiscoveryPath}`)
      const { models, skipped } = parseModelList(profile.listFormat, Buffer.from(await list.arrayBuffer()))
      assert.deepEqual(
        models.map(({ name }) => name),
        [model.name, 'nomic-embed-text'],
      )
      assert.equal(skipped, 0)
      assert.equal(kinds[kind].healthPath, profile.healthCheckPath)
      assert.equal((await fetch(`${simulator.url}${profile.healthCheckPath}`)).status, 200)
      assert.equal(simulator.control.counters().generationsStarted, 0)
    })

    test('is detected as its own kind', async (t) => {
      const simulator = await withSimulator(t, { kind, models: [model] })
      const detected = await detectProfile(profiles.all(), async (path) => {
        const response = await fetch(simulator.url + path)
        const body = Buffer.from(await response.arrayBuffer())
        const header = (name: string) => response.headers.get(name) ?? undefined
        return { statusCode: response.status, header, body, durationMs: 0 }
      })
      assert.equal(detected.profile?.name, kind)
    })

    test('serves no route of another kind', async (t) => {
      const simulator = await withSimulator(t, { kind, models: [model] })
      const others = simulatorKinds.flatMap((other) => Object.keys(kinds[other].routes))
      for (const key of new Set(others)) {
        const [method, path] = key.split(' ')
        if (key in kinds[kind].routes || path === undefined || path.endsWith('*')) continue
        // A list's `/*` reads what comes below it as the name of a model.
        if (method === 'GET' && path.includes('/models/')) continue
        const response = await fetch(simulator.url + path, { method: method ?? '' })
        const text = await response.text()
        if (kind === 'lm-studio') {
          assert.equal(text, JSON.stringify({ error: `Unexpected endpoint or method. (${key})` }))
        } else assert.equal(response.status, 404, `${key}: ${text}`)
      }
    })

    test('answers HEAD without a body', async (t) => {
      const simulator = await withSimulator(t, { kind, models: [model] })
      const path = profile.modelDiscoveryPath
      const head = await fetch(simulator.url + path, { method: 'HEAD' })
      const get = await fetch(simulator.url + path)
      assert.equal(head.status, 200)
      assert.equal(head.headers.get('content-length'), String((await get.arrayBuffer()).byteLength))
    })
  })
}

suite('kinds', () => {
  test('reports an unknown model in the wording of each kind, with the name', async (t) => {
    for (const kind of simulatorKinds) {
      const simulator = await withSimulator(t, { kind, models: [model] })
      const path = Object.keys(kinds[kind].routes).find((key) => key.endsWith('v1/chat/completions'))
      assert.ok(path !== undefined)
      const response = await fetch(simulator.url + path.split(' ')[1], {
        method: 'POST',
        body: '{"model":"nobody","messages":[]}',
      })
      assert.equal(response.status, kind === 'litellm' ? 400 : 404, kind)
      assert.match(await response.text(), /nobody/)
    }
  })

  test("LiteLLM's /health costs one generation for each model, its readiness none", async (t) => {
    const simulator = await withSimulator(t, { kind: 'litellm', models: ['a', 'b', 'c'] })
    await (await fetch(`${simulator.url}/health/readiness`)).text()
    await (await fetch(`${simulator.url}/health/liveness`)).text()
    assert.equal(simulator.control.counters().generationsStarted, 0)
    await (await fetch(`${simulator.url}/health`)).text()
    assert.equal(simulator.control.counters().generationsFinished, 3)
  })

  test('describes a model as the real servers do', async (t) => {
    const models = [{ ...model, parameterSize: '3.2B', quantization: 'Q8_0', loaded: false }]
    const read = async (url: string) => JSON.parse(await (await fetch(url)).text())
    const vllm = await withSimulator(t, { kind: 'vllm', models })
    const [entry] = (await read(`${vllm.url}/v1/models`)).data
    assert.deepEqual([entry.max_model_len, entry.owned_by], [4096, 'vllm'])
    const studio = await withSimulator(t, { kind: 'lm-studio', models })
    const [listed] = (await read(`${studio.url}/api/v0/models`)).data
    assert.deepEqual(
      [listed.state, listed.quantization, listed.max_context_length],
      ['not-loaded', 'Q8_0', 4096],
    )
    const llama = await withSimulator(t, { kind: 'llamacpp', models })
    assert.equal((await read(`${llama.url}/props`)).default_generation_settings.n_ctx, 4096)
    assert.equal((await read(`${llama.url}/v1/models`)).data[0].meta.n_ctx_train, 4096)
    assert.equal((await read(`${llama.url}/slots`)).length, 4)
  })

  test('loads and unloads models', async (t) => {
    const simulator = await withSimulator(t, { kind: 'openai-compatible', models: ['a'] })
    simulator.control.setModels(['b'])
    assert.equal((await fetch(`${simulator.url}/v1/models/a`)).status, 404)
    assert.equal((await fetch(`${simulator.url}/v1/models/b`)).status, 200)
  })

  test('requires a key as the real servers do, except for public health routes', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: [model], apiKey: 'k e y' })
    const status = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(simulator.url + path, { headers })).status
    assert.equal(await status('/health'), 200)
    assert.equal(await status('/v1/models'), 401)
    assert.equal(await status('/v1/models', { authorization: 'Bearer wrong' }), 401)
    assert.equal(await status('/v1/models', { 'x-api-key': 'k e y' }), 200)
    const basic = Buffer.from('user:k e y').toString('base64')
    assert.equal(await status('/v1/models', { authorization: `Basic ${basic}` }), 200)
    const plain = await withSimulator(t, { kind: 'vllm', models: [model], apiKey: 'key' })
    const bearer = { authorization: 'Bearer key' }
    assert.equal((await fetch(`${plain.url}/v1/models`, { headers: bearer })).status, 200)
  })
})
