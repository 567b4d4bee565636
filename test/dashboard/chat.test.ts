import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readAnswer } from '../../dashboard/src/api/chat-stream.ts'
import { playgroundApi } from '../../dashboard/src/api/dialects.ts'
import { type ChatEvent, chatFigures, startedRun, withChatEvent } from '../../dashboard/src/state/chat-run.ts'

const served = {
  headers: [['x-olla-mode', 'passthrough']] as const,
  endpoint: 'gpu',
  backendType: 'vllm',
  requestId: 'r',
  attempts: '1',
  decision: 'routed',
  reason: 'model_found',
}

const text = (piece: string, isThought = false): ChatEvent => ({ kind: 'text', text: piece, isThought })

const run = (...events: [ChatEvent, number][]) =>
  events.reduce((before, [event, at]) => withChatEvent(before, event, at), startedRun('m', 1000))

async function eventsOf(body: string): Promise<ChatEvent[]> {
  const events: ChatEvent[] = []
  const response = new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  for await (const event of readAnswer(response, playgroundApi('chat'))) {
    if (event.kind !== 'raw') events.push(event)
  }
  return events
}

describe('a running chat', () => {
  it('collects the answer and its statistics', () => {
    const chat = run(
      [{ kind: 'answered', status: 200, served }, 1050],
      [text('hm', true), 1200],
      [text('Hello'), 1300],
      [text(' you'), 1700],
      [{ kind: 'usage', usage: { promptTokens: 9, completionTokens: 11 } }, 1710],
      [{ kind: 'ended' }, 1720],
    )
    assert.equal(chat.phase, 'done')
    assert.equal(chat.text, 'Hello you')
    assert.equal(chat.thought, 'hm')
    assert.equal(chat.served?.endpoint, 'gpu')
    assert.deepEqual(chatFigures(chat, 9999), {
      firstTokenMs: 200,
      totalMs: 720,
      tokens: 11,
      tokensPerSecond: 20,
    })
  })

  it('counts stream chunks until the endpoint reports usage', () => {
    const chat = run([text('a'), 1100], [text('b'), 1200], [text('c'), 1300])
    assert.deepEqual(chatFigures(chat, 1400), {
      firstTokenMs: 100,
      totalMs: 400,
      tokens: 3,
      tokensPerSecond: 10,
    })
    assert.equal(chatFigures(run([text('a'), 1100]), 1200).tokensPerSecond, undefined)
  })

  it('keeps what arrived with its time, the last of many', () => {
    const raw = (text: string): ChatEvent => ({ kind: 'raw', name: 'e', text })
    const chat = run([raw('a'), 1010], [raw('b'), 1020])
    assert.deepEqual(chat.raw, [
      { number: 1, atMs: 10, name: 'e', text: 'a' },
      { number: 2, atMs: 20, name: 'e', text: 'b' },
    ])
    const long = run(
      ...Array.from({ length: 1_500 }, (_, at) => [raw(String(at)), 1001] as [ChatEvent, number]),
    )
    assert.deepEqual([long.raw.length, long.rawCount, long.raw.at(-1)?.text], [1_000, 1_500, '1499'])
  })

  it('ignores chunks after its end', () => {
    const chat = run(
      [{ kind: 'stopped' }, 1100],
      [text('late'), 1200],
      [{ kind: 'failed', message: 'x' }, 1300],
    )
    assert.equal(chat.phase, 'stopped')
    assert.equal(chat.text, '')
    assert.equal(chat.error, undefined)
  })
})

describe('a streamed chat completion', () => {
  const chunk = (delta: object) => `data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`

  it('has text, usage and an end', async () => {
    const body = `${chunk({ role: 'assistant', content: '' })}${chunk({ content: 'Hi' })}data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\ndata: [DONE]\n\n`
    assert.deepEqual(await eventsOf(body), [
      text('Hi'),
      { kind: 'usage', usage: { promptTokens: 3, completionTokens: 1 } },
      { kind: 'ended' },
    ])
  })

  it('separates thinking from the answer, by either name', async () => {
    const body = `${chunk({ reasoning_content: 'a' })}${chunk({ reasoning: 'b' })}data: [DONE]\n\n`
    assert.deepEqual(await eventsOf(body), [text('a', true), text('b', true), { kind: 'ended' }])
  })

  it('fails if it reports an error or breaks', async () => {
    assert.deepEqual(await eventsOf('data: {"error":{"message":"out of memory"}}\n\n'), [
      { kind: 'failed', message: 'out of memory' },
    ])
    assert.deepEqual((await eventsOf(chunk({ content: 'Hi' }))).at(-1), {
      kind: 'failed',
      message: 'The stream ended prematurely.',
    })
  })

  it('skips what it cannot read', async () => {
    assert.deepEqual(await eventsOf('data: not json\n\ndata: {"choices":[]}\n\ndata: [DONE]\n\n'), [
      { kind: 'ended' },
    ])
  })
})
