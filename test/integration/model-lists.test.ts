import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { fleet, get, idsOf } from '../support/fleet.ts'

describe('model lists', () => {
  it('are readable by the official clients', async (t) => {
    const { gateway } = await fleet(t)
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'x' })
    const ids: string[] = []
    for await (const model of openai.models.list()) ids.push(model.id)
    assert.deepEqual(ids, [...ids].sort())
    assert.ok(['Org/Mistral-7B-Instruct', 'llama3.2:3b', 'llava-vision'].every((id) => ids.includes(id)))
    assert.equal((await openai.models.retrieve('Org/Mistral-7B-Instruct')).id, 'Org/Mistral-7B-Instruct')
    const { models } = await new Ollama({ host: gateway.url }).list()
    assert.equal(models.filter(({ name }) => name === 'llama3.2:3b').length, 1)
    const shown = await new Ollama({ host: gateway.url }).show({ model: 'llama3.2:3b' })
    assert.equal(shown.details.family, 'llama')
  })

  it('contain a model of several backend types in each type’s list', async (t) => {
    const { gateway } = await fleet(t)
    for (const path of [
      '/olla/ollama/api/tags',
      '/olla/vllm/v1/models',
      '/olla/lmstudio/api/v0/models',
      '/olla/lm_studio/v1/models',
      '/olla/openai/v1/models',
      '/olla/proxy/v1/models',
      '/v1/models',
      '/api/tags',
      '/olla/models?format=ollama',
      '/olla/models?format=lmstudio',
    ]) {
      const { status, body } = await get(`${gateway.url}${path}`)
      assert.equal(status, 200, path)
      assert.ok(idsOf(body).includes('llama3.2:3b'), path)
    }
    assert.ok(
      !idsOf((await get(`${gateway.url}/olla/ollama/api/tags`)).body).includes('Org/Mistral-7B-Instruct'),
    )
  })

  it('have every format, sorted, with a stable created and a tag', async (t) => {
    const { gateway } = await fleet(t)
    for (const format of [
      'unified',
      'openai',
      'ollama',
      'lmstudio',
      'lemonade',
      'vllm',
      'vllm-mlx',
      'sglang',
      'lmdeploy',
      'llamacpp',
      'docker-model-runner',
      'litellm',
      'omlx',
      'anthropic',
    ]) {
      const url = `${gateway.url}/olla/models?format=${format}`
      const first = await get(url)
      assert.equal(first.status, 200, format)
      assert.deepEqual(idsOf(first.body), [...idsOf(first.body)].sort(), format)
      assert.deepEqual((await get(url)).body, first.body, format)
      const again = await fetch(url, { headers: { 'if-none-match': first.headers.get('etag') ?? '' } })
      assert.equal(again.status, 304, format)
    }
    assert.equal((await get(`${gateway.url}/olla/models?format=nope`)).status, 400)
  })

  it('have Olla’s formats', async (t) => {
    const { gateway } = await fleet(t)
    const unified = (await get(`${gateway.url}/olla/models`)).body as unknown as {
      data: { id: string; olla: Record<string, unknown> }[]
    }
    const llama = unified.data.find(({ id }) => id === 'llama3.2:3b')
    assert.equal(llama?.olla.family, 'llama')
    assert.deepEqual(
      ((llama?.olla.availability ?? []) as { endpoint: string }[]).map(({ endpoint }) => endpoint).sort(),
      ['box', 'desk', 'gpu'],
    )
    const vllm = (await get(`${gateway.url}/olla/models?format=vllm`)).body as unknown as {
      data: Record<string, unknown>[]
    }
    const mistral = vllm.data.find(({ id }) => id === 'Org/Mistral-7B-Instruct')
    assert.equal(mistral?.owned_by, 'Org')
    assert.ok(typeof mistral?.max_model_len === 'number')
  })

  it('are filtered by the query', async (t) => {
    const { gateway } = await fleet(t)
    const ids = async (query: string) => idsOf((await get(`${gateway.url}/olla/models?${query}`)).body)
    assert.deepEqual(await ids('endpoint=gpu'), ['Org/Mistral-7B-Instruct', 'llama3.2:3b'])
    assert.deepEqual(await ids('endpoint=nobody'), [])
    assert.ok((await ids('type=embeddings')).every((id) => id?.startsWith('nomic')))
    assert.deepEqual(await ids('capability=vision'), ['llava-vision'])
    assert.deepEqual(await ids('family=mistral'), ['Org/Mistral-7B-Instruct'])
    assert.equal((await get(`${gateway.url}/olla/models?available=maybe`)).status, 400)
  })

  it('address single models with slashes, colons and any case', async (t) => {
    const { gateway } = await fleet(t)
    for (const id of [
      'Org/Mistral-7B-Instruct',
      'Org%2FMistral-7B-Instruct',
      'org/mistral-7b-instruct',
      'llama3.2:3b',
    ]) {
      const { status, body } = await get(`${gateway.url}/olla/models/${id}`)
      assert.equal(status, 200, id)
      assert.ok((body as { availability?: unknown }).availability)
    }
    assert.equal((await get(`${gateway.url}/olla/models/nobody`)).status, 404)
  })

  it('refuse operations that a fleet cannot support', async (t) => {
    const { gateway, ollama } = await fleet(t)
    for (const path of ['api/pull', 'api/push', 'api/create', 'api/copy', 'api/delete', 'api/list']) {
      const response = await fetch(`${gateway.url}/olla/ollama/${path}`, {
        method: path === 'api/delete' ? 'DELETE' : 'POST',
      })
      assert.equal(response.status, 501, path)
    }
    assert.equal(ollama.control.counters().byPath['/api/pull'], undefined)
  })
})
