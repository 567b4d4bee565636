import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createExchanges, type SentAttempt } from '../../support/exchange.ts'

const delta = 'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n'
const finish = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
const done = 'data: [DONE]\n\n'
const text = 'data: {"type":"response.output_text.delta","delta":"a","sequence_number":7}\n\n'

function play({ attempt }: SentAttempt, chunks: readonly string[], headers: readonly string[] = []): void {
  attempt.onHeaders(200, ['Content-Type', 'text/event-stream', ...headers], () => {})
  for (const chunk of chunks) attempt.onData(Buffer.from(chunk))
  attempt.onComplete()
}

/** Everything that a client reads, and whether the connection was cut. */
async function readAll(response: Response): Promise<{ body: string; isCut: boolean }> {
  let body = ''
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) body += decoder.decode(chunk)
    return { body, isCut: false }
  } catch {
    return { body, isCut: true }
  }
}

describe('a stream closed by its endpoint', () => {
  for (const [name, path, chunks, expected] of [
    [
      'a chat without its ending',
      '/v1/chat/completions',
      [delta],
      /"a"[\s\S]*\n\ndata: \{"error":\{"message":"[^"]*ended its answer before[^"]*"[\s\S]*"code":"upstream_broken"/,
    ],
    ['half an event', '/v1/chat/completions', [delta, 'data: {"cho'], /data: \{"cho\n\ndata: \{"error":/],
    [
      'a response without its ending',
      '/v1/responses',
      [text],
      /event: error\ndata: \{"type":"error","code":"upstream_broken","message":"[^"]+","param":null,"sequence_number":8\}\n\n$/,
    ],
    [
      'an error that clients overlook',
      '/v1/chat/completions',
      [delta, 'error: {"code":500,"message":"slot lost"}\n\n', done],
      /\[DONE\]\n\ndata: \{"error":\{"message":"slot lost"/,
    ],
  ] as const) {
    it(`truncates ${name} visibly`, async (t) => {
      const { sent, begin } = createExchanges(t, [{}])
      const { answer, context } = await begin({ path })
      play(sent[0] ?? assert.fail(), chunks)
      const { body, isCut } = await readAll(await answer)
      assert.match(body, expected)
      assert.equal(isCut, true)
      assert.equal(context.outcome, 'failure')
      assert.equal(context.error, 'upstream_broken')
      assert.match(context.attempts[0]?.reason ?? '', /ended/)
    })
  }

  it('forwards an error of the endpoint and counts it', async (t) => {
    const { sent, begin } = createExchanges(t, [{}])
    const { answer, context } = await begin()
    const chunks = [delta, 'data: {"error":{"message":"no","code":500}}\n\n', done]
    play(sent[0] ?? assert.fail(), chunks)
    assert.deepEqual(await readAll(await answer), { body: chunks.join(''), isCut: false })
    assert.equal(context.outcome, 'failure')
    assert.equal(context.attempts.length, 1)
  })

  it('is complete with either ending, and with other kinds of events', async (t) => {
    for (const chunks of [
      [delta, done],
      [delta, finish],
      ['data: one\n\n'],
      ['event: mine\ndata: {"a":1}\n\n'],
    ]) {
      const { sent, begin } = createExchanges(t, [{}])
      const { answer, context } = await begin()
      play(sent[0] ?? assert.fail(), chunks)
      assert.deepEqual(await readAll(await answer), { body: chunks.join(''), isCut: false })
      assert.equal(context.outcome, 'success')
    }
  })

  it('can be reported as broken although its length was announced', async (t) => {
    const { sent, begin } = createExchanges(t, [{}])
    const { answer } = await begin()
    play(sent[0] ?? assert.fail(), [delta], ['Content-Length', String(delta.length)])
    const { body, isCut } = await readAll(await answer)
    assert.match(body, /upstream_broken/)
    assert.equal(isCut, true)
  })

  it('fails over if none of it was sent yet', async (t) => {
    const { sent, begin } = createExchanges(t, [{ name: 'a' }, { name: 'b' }])
    const { answer, context } = await begin()
    play(sent[0] ?? assert.fail(), ['data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n'])
    await Promise.resolve()
    play(sent[1] ?? assert.fail(), [delta, done])
    assert.deepEqual(await readAll(await answer), { body: delta + done, isCut: false })
    assert.equal(context.outcome, 'success')
  })
})
