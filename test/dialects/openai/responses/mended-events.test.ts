import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MendedEvents } from '../../../../src/dialects/openai/responses/answer/mended-events.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'

/** As llama.cpp sends them. */
const bare: readonly JsonObject[] = [
  { type: 'response.created', response: { id: 'resp_1', object: 'response', status: 'in_progress' } },
  { type: 'response.output_item.added', item: { id: 'rs_1', type: 'reasoning', summary: [] } },
  { type: 'response.reasoning_text.delta', item_id: 'rs_1', delta: 'Hm' },
  { type: 'response.output_item.done', item: { id: 'rs_1', type: 'reasoning', summary: [] } },
  { type: 'response.output_item.added', item: { id: 'msg_1', type: 'message', content: [] } },
  { type: 'response.content_part.added', item_id: 'msg_1', part: { type: 'output_text', text: '' } },
  { type: 'response.output_text.delta', item_id: 'msg_1', delta: 'Grüße' },
  { type: 'response.output_text.done', item_id: 'msg_1', text: 'Grüße' },
  { type: 'response.content_part.done', item_id: 'msg_1', part: { type: 'output_text', text: 'Grüße' } },
  { type: 'response.output_item.done', item: { id: 'msg_1', type: 'message', content: [] } },
  { type: 'response.output_item.added', item: { id: 'fc_1', type: 'function_call', name: 'f' } },
  { type: 'response.function_call_arguments.delta', item_id: 'fc_1', delta: '{}' },
  { type: 'response.output_item.done', item: { id: 'fc_1', type: 'function_call', name: 'f' } },
  {
    type: 'response.completed',
    response: { id: 'resp_1', created_at: 5, model: 'own', output: [{ id: 'rs_1' }] },
  },
]

const event = (value: JsonObject, lineEnd = '\n') =>
  `event: ${value.type}${lineEnd}data: ${JSON.stringify(value)}${lineEnd}${lineEnd}`

function mend(chunks: readonly Buffer[]): string {
  const mended = new MendedEvents('asked', 7)
  return Buffer.concat([...chunks.map((chunk) => mended.push(chunk)), mended.end()]).toString()
}

function eventsIn(text: string): JsonObject[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice('data: '.length)) as JsonObject)
}

describe('a stream of responses without numbers', () => {
  const stream = Buffer.from(bare.map((each) => event(each)).join(''))
  const mended = mend([stream])
  /** The thought begins with its text, so the part that holds it is announced. */
  const announced = 2

  it('gets a number for each event, and its place', () => {
    const events = eventsIn(mended)
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      [...bare, {}].map((_, index) => index),
    )
    const places = events.map(({ type, output_index, content_index }) => [type, output_index, content_index])
    assert.deepEqual(places, [
      ['response.created', undefined, undefined],
      ['response.output_item.added', 0, undefined],
      ['response.content_part.added', 0, 0],
      ['response.reasoning_text.delta', 0, 0],
      ['response.output_item.done', 0, undefined],
      ['response.output_item.added', 1, undefined],
      ['response.content_part.added', 1, 0],
      ['response.output_text.delta', 1, 0],
      ['response.output_text.done', 1, 0],
      ['response.content_part.done', 1, 0],
      ['response.output_item.done', 1, undefined],
      ['response.output_item.added', 2, undefined],
      ['response.function_call_arguments.delta', 2, undefined],
      ['response.output_item.done', 2, undefined],
      ['response.completed', undefined, undefined],
    ])
  })

  it('keeps all that it says', () => {
    const events = eventsIn(mended)
    const [{ part } = {}] = events.splice(announced, 1)
    assert.deepEqual(part, { type: 'reasoning_text', text: '' })
    for (const [index, value] of events.entries()) {
      const { response: before, ...others } = bare[index] ?? {}
      const { response: after, ...rest } = value
      assert.deepEqual({ ...rest, ...others }, rest)
      assert.deepEqual({ ...(after as object), ...(before as object) }, after ?? {})
    }
  })

  it('gets a response with an output, its model and its time', () => {
    const [created, ...others] = eventsIn(mended).flatMap(({ response }) => response ?? [])
    assert.deepEqual(created, {
      created_at: 7,
      model: 'asked',
      output: [],
      id: 'resp_1',
      object: 'response',
      status: 'in_progress',
    })
    assert.deepEqual(others, [{ id: 'resp_1', created_at: 5, model: 'own', output: [{ id: 'rs_1' }] }])
  })

  it('is the same whatever the chunks and the line ends', () => {
    for (let at = 1; at < stream.length; at++) {
      assert.equal(mend([stream.subarray(0, at), stream.subarray(at)]), mended, `cut at ${at}`)
    }
    assert.equal(mend([Buffer.from(bare.map((each) => event(each, '\r\n')).join(''))]), mended)
  })

  it('sends each event in the turn in which it arrives, and comments too', () => {
    const transform = new MendedEvents('asked', 7)
    for (const value of bare) {
      const sent = eventsIn(transform.push(Buffer.from(event(value))).toString())
      assert.equal(sent.length, value === bare[announced] ? 2 : 1)
      assert.equal(String(transform.push(Buffer.from(':\n\n'))), ':\n\n')
    }
  })

  it('passes other events and errors on', () => {
    const others = 'event: error\ndata: {"error":{"message":"no"}}\n\ndata: [DONE]\n\n'
    assert.equal(mend([stream, Buffer.from(others)]), mended + others)
  })
})

describe('a stream of responses with numbers', () => {
  it('passes byte for byte', () => {
    const numbered = bare.map((each, index) => event({ ...each, sequence_number: index }, '\r\n')).join('')
    const stream = Buffer.from(`: hello\r\n\r\n${numbered}data: odd\n`)
    for (let at = 0; at < stream.length; at += 7) {
      assert.equal(mend([stream.subarray(0, at), stream.subarray(at)]), String(stream))
    }
  })

  it('passes whatever begins otherwise', () => {
    for (const text of ['', 'data: {"error":{}}\n\n', `data: ${'x'.repeat(70_000)}`]) {
      assert.equal(mend([Buffer.from(text)]), text)
    }
  })
})
