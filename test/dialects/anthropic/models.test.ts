import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Anthropic, { NotFoundError } from '@anthropic-ai/sdk'
import { behind, model } from './support.ts'

const others = ['org/Mistral-7B', 'qwen3:8b', model]

describe('the model list of the Anthropic client', () => {
  it('has all models, at both base URLs, page by page', async (t) => {
    const all = await behind(t, [{ kind: 'vllm', models: others }])
    const below = new Anthropic({
      baseURL: `${all.gateway.url}/olla/anthropic`,
      apiKey: 'any',
      maxRetries: 0,
    })
    for (const client of [all.client, below]) {
      for (const limit of [undefined, 1, 2, 50]) {
        const ids: string[] = []
        for await (const each of client.models.list(limit === undefined ? {} : { limit })) {
          assert.equal(each.type, 'model')
          assert.ok(!Number.isNaN(Date.parse(each.created_at)))
          ids.push(each.id)
        }
        assert.deepEqual(ids.sort(), [...others].sort(), `limit ${limit}`)
      }
    }
  })

  it('pages backwards', async (t) => {
    const all = await behind(t, [{ kind: 'vllm', models: others }])
    const { data } = await all.client.models.list()
    const last = data.at(-1)?.id ?? ''
    const before = await all.client.models.list({ before_id: last, limit: 1 })
    assert.deepEqual(
      before.data.map(({ id }) => id),
      [data.at(-2)?.id],
    )
    assert.equal(before.has_more, true)
  })

  it('shows one model, also with a slash in its name, and reports an unknown one', async (t) => {
    const all = await behind(t, [{ kind: 'vllm', models: others }])
    const below = new Anthropic({
      baseURL: `${all.gateway.url}/olla/anthropic`,
      apiKey: 'any',
      maxRetries: 0,
    })
    for (const client of [all.client, below]) {
      assert.equal((await client.models.retrieve('org/Mistral-7B')).id, 'org/Mistral-7B')
      await assert.rejects(
        client.models.retrieve('nobody'),
        (error) => error instanceof NotFoundError && error.type === 'not_found_error',
      )
    }
  })

  it("is OpenAI's list for clients without Anthropic's header", async (t) => {
    const all = await behind(t, ['vllm'])
    const list = (await (await fetch(`${all.gateway.url}/v1/models`)).json()) as { object: string }
    assert.equal(list.object, 'list')
    const empty = await fetch(`${all.gateway.url}/v1/models/nobody`)
    assert.ok('code' in ((await empty.json()) as { error: object }).error)
  })
})
