import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import type { SimulatorOptions } from '../../simulator/model.ts'
import type { RunningGateway } from '../support/gateway.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { clusterOf, type ReplicaOptions, startReplicas } from '../support/replicas.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

const skip = whyNoRedis ?? false

const clientOf = ({ url }: RunningGateway) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0, timeout: 20_000 })

const textsOf = (items: readonly unknown[]) => items.map((item) => JSON.stringify(item)).join('\n')

/** A request waits for the one before for two seconds only; clients are to retry then. */
async function unlocked<Found>(send: () => Promise<Found>): Promise<Found> {
  for (;;) {
    try {
      return await send()
    } catch (error) {
      if (!(error instanceof OpenAI.APIError) || error.code !== 'conversation_locked') throw error
    }
  }
}

describe('what replicas store for the Responses API', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  async function start(
    t: TestContext,
    { replicas: options, ...rest }: Partial<SimulatorOptions> & { replicas?: ReplicaOptions } = {},
  ) {
    const simulator = await withSimulator(t, { kind: 'lmdeploy', models: ['m'], ...rest })
    const replicas = await startReplicas(
      t,
      redis ?? assert.fail(),
      [{ url: simulator.url, type: 'lmdeploy' }],
      options,
    )
    const [first, second, third] = replicas.map(clientOf)
    assert.ok(first !== undefined && second !== undefined && third !== undefined)
    return { simulator, replicas, first, second, third }
  }

  it('is continued, read, listed and deleted through any of them', async (t) => {
    const { first, second, third } = await start(t)
    const one = await first.responses.create({ model: 'm', input: 'the first question' })
    const two = await second.responses.create({ model: 'm', input: 'and then', previous_response_id: one.id })
    const three = await third.responses.create({ model: 'm', input: 'at last', previous_response_id: two.id })
    for (const client of [first, second, third]) {
      const read = await client.responses.retrieve(two.id)
      assert.deepEqual([read.id, read.output_text], [two.id, two.output_text])
      const items = await client.responses.inputItems.list(three.id)
      // Question, answer, question, answer, question.
      assert.equal(items.data.length, 5)
      assert.match(textsOf(items.data), /the first question/)
    }
    await third.responses.delete(one.id)
    for (const client of [first, second, third]) {
      await eventually(() =>
        client.responses.retrieve(one.id).then(
          () => false,
          (error: unknown) => error instanceof OpenAI.NotFoundError,
        ),
      )
    }
    const lost = second.responses.create({ model: 'm', input: 'again', previous_response_id: one.id })
    await assert.rejects(lost, (error: unknown) => {
      assert.ok(error instanceof OpenAI.BadRequestError)
      assert.equal(error.code, 'previous_response_not_found')
      return true
    })
  })

  it('are conversations that all of them change, one response after the other', async (t) => {
    const { first, second, third } = await start(t, { timeToFirstTokenMs: 50 })
    const conversation = await first.conversations.create({ items: [] })
    const answers = await Promise.all(
      [first, second, third].map((client, index) =>
        unlocked(() =>
          client.responses.create({ model: 'm', input: `question ${index}`, conversation: conversation.id }),
        ),
      ),
    )
    for (const client of [first, second, third]) {
      await eventually(async () => {
        const { data } = await client.conversations.items.list(conversation.id, { order: 'asc' })
        return data.length === 6
      })
      const { data } = await client.conversations.items.list(conversation.id, { order: 'asc' })
      const roles = data.map((item) => (item.type === 'message' ? item.role : item.type))
      assert.deepEqual(roles, ['user', 'assistant', 'user', 'assistant', 'user', 'assistant'])
      for (const { output_text } of answers) assert.ok(textsOf(data).includes(output_text.slice(0, 10)))
    }
    await second.conversations.delete(conversation.id)
    await assert.rejects(third.conversations.retrieve(conversation.id), OpenAI.NotFoundError)
  })

  it('are responses in the background that another one makes: polled, followed, cancelled', async (t) => {
    const { first, second, third, simulator } = await start(t, { tokensPerSecond: 40 })
    const stream = await first.responses.create({
      model: 'm',
      input: 'tell me',
      background: true,
      stream: true,
      max_output_tokens: 20,
    })
    let id = ''
    for await (const event of stream) {
      if (event.type !== 'response.created') continue
      id = event.response.id
      break
    }
    const polled = await second.responses.retrieve(id)
    assert.ok(['queued', 'in_progress'].includes(polled.status ?? ''), polled.status)
    const numbers: number[] = []
    for await (const event of await third.responses.retrieve(id, { stream: true }))
      numbers.push(event.sequence_number)
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index),
    )
    assert.ok(numbers.length > 20, String(numbers.length))
    await eventually(async () => (await second.responses.retrieve(id)).status !== 'in_progress')
    const more = await second.responses.create({ model: 'm', input: 'more', previous_response_id: id })
    assert.notEqual(more.output_text, '')

    const slow = await start(t, { timeToFirstTokenMs: 60_000 })
    const { id: slowId } = await slow.first.responses.create({ model: 'm', input: 'x', background: true })
    await eventually(() => slow.simulator.control.counters().inFlight > 0)
    assert.equal((await slow.third.responses.cancel(slowId)).status, 'cancelled')
    await eventually(() => slow.simulator.control.counters().aborts === 1)
    await eventually(async () => (await slow.second.responses.retrieve(slowId)).status === 'cancelled')
    assert.ok(simulator.control.counters().inFlight >= 0)
  })

  it('is found again after the server was away, and what it lacks is not waited for', async (t) => {
    const { first, second, replicas } = await start(t, {
      replicas: { cluster: { timeout: '100ms', retry_interval: '100ms' } },
    })
    const before = await first.responses.create({ model: 'm', input: 'before' })
    redis.freeze()
    try {
      const during = await first.responses.create({ model: 'm', input: 'during' })
      // Its own replica has it.
      const next = await first.responses.create({
        model: 'm',
        input: 'next',
        previous_response_id: during.id,
      })
      assert.notEqual(next.output_text, '')
      for (let turn = 0; turn < 5; turn++) {
        const sinceMs = performance.now()
        const missing = second.responses.create({
          model: 'm',
          input: 'x',
          previous_response_id: before.id,
        })
        await assert.rejects(missing, OpenAI.BadRequestError)
        t.diagnostic(`not found after ${Math.round(performance.now() - sinceMs)} ms`)
      }
      redis.thaw()
      for (const replica of replicas)
        await eventually(async () => (await clusterOf(replica)).state === 'joined')
      for (const { id } of [before, during, next])
        await eventually(() =>
          second.responses.retrieve(id).then(
            () => true,
            () => false,
          ),
        )
    } finally {
      redis.thaw()
    }
  })
})
