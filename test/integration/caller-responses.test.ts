import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import { callersSecret, configuredKey } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { lastPost, withSimulator } from '../support/simulator.ts'

/** Endpoints with chat completions only, and ones that store responses themselves. */
const kinds = ['lmdeploy', 'lm-studio'] as const

async function start(
  t: TestContext,
  kind: (typeof kinds)[number],
  policies: Readonly<Record<string, Record<string, unknown>>>,
) {
  const first = await withSimulator(t, { kind, models: ['m', 'secret'], name: 'first' })
  const second = await withSimulator(t, { kind, models: ['m', 'secret'], name: 'second' })
  const keys = Object.entries(policies).map(([name, policy]) => configuredKey(name, { policy }))
  const gateway = await startGateway(
    t,
    [
      { url: first.url, name: 'first', type: kind },
      { url: second.url, name: 'second', type: kind },
    ],
    { callers: { secret: callersSecret, keys: keys.map(({ entry }) => entry) } },
  )
  const clientOf = (name: string) =>
    new OpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: keys.find(({ entry }) => entry.name === name)?.key ?? '',
      maxRetries: 0,
    })
  return { clientOf, first, second, gateway }
}

/** The status of a request that the gateway refuses; 200 for one that it answers. */
async function statusOf(asked: Promise<unknown>): Promise<number | undefined> {
  try {
    await asked
    return 200
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIError, String(error))
    return error.status
  }
}

for (const kind of kinds) {
  describe(`the Responses API with keys, with ${kind}`, () => {
    it('finds what a key has stored for that key, and for no other', async (t) => {
      const { clientOf } = await start(t, kind, { a: {}, b: {} })
      const [own, other] = [clientOf('a'), clientOf('b')]
      const conversation = await own.conversations.create({})
      const stored = await own.responses.create({ model: 'm', input: 'x' })
      const background = await own.responses.create({ model: 'm', input: 'x', background: true })
      for (const { id } of [stored, background]) {
        const next = { model: 'm', input: 'more', previous_response_id: id }
        assert.equal(await statusOf(own.responses.retrieve(id)), 200)
        assert.equal(await statusOf(other.responses.retrieve(id)), 404)
        assert.match(String(await statusOf(other.responses.create(next))), /^40[04]$/)
        assert.equal(await statusOf(own.responses.create(next)), 200)
      }
      const turn = { model: 'm', input: 'x', conversation: conversation.id }
      assert.equal(await statusOf(own.responses.create(turn)), 200)
      assert.equal((await own.conversations.items.list(conversation.id)).data.length, 2)
      assert.equal(await statusOf(other.responses.create(turn)), 400)
      assert.equal(await statusOf(other.conversations.retrieve(conversation.id)), 404)
    })

    it('applies the policy of a key to what the gateway sends for it', async (t) => {
      const { clientOf, first, second } = await start(t, kind, {
        limited: { models: { include: ['m'] }, endpoints: { include: ['second'] } },
      })
      const { responses } = clientOf('limited')
      const secret = { model: 'secret', input: 'x' }
      assert.equal(await statusOf(responses.create({ ...secret, background: true })), 403)
      assert.equal(await statusOf(responses.compact({ ...secret, model: 'secret' })), 403)
      assert.equal(await statusOf(responses.inputTokens.count(secret)), 403)
      for (let count = 0; count < 4; count++) {
        assert.equal(await statusOf(responses.create({ model: 'm', input: 'x', background: true })), 200)
        assert.equal(await statusOf(responses.compact({ model: 'm', input: 'x' })), 200)
        assert.equal(await statusOf(responses.inputTokens.count({ model: 'm', input: 'x' })), 200)
      }
      assert.deepEqual(
        first.control.requests().filter(({ method }) => method === 'POST'),
        [],
      )
      assert.notEqual(lastPost(second), undefined)
    })
  })
}
