import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readScripts, type Script, scriptPieces } from '../../simulator/script.ts'
import { withSimulator } from '../support/simulator.ts'

const script: Script = {
  reasoning: 'hm hm',
  text: 'Look at this.',
  toolCalls: [
    { name: 'f', arguments: '{"city":"Paris"}' },
    { id: 'b', name: 'g', arguments: '{}' },
  ],
}

test('splits a script into chunks that add up to it', () => {
  for (const interleaved of [false, true]) {
    const pieces = scriptPieces({ ...script, interleaved })
    const join = (kind: string, index = 0) =>
      pieces
        .filter((piece) => piece.kind === kind && (piece.kind !== 'call' || piece.index === index))
        .map(({ text }) => text)
        .join('')
    assert.equal(join('reasoning'), 'hm hm')
    assert.equal(join('text'), 'Look at this.')
    assert.equal(join('call', 0), '{"city":"Paris"}')
    assert.equal(join('call', 1), '{}')
  }
  const order = scriptPieces({ ...script, interleaved: true }).flatMap((piece) =>
    piece.kind === 'call' ? piece.index : [],
  )
  assert.deepEqual(order.slice(0, 4), [0, 1, 0, 1])
})

test('accepts scripts over HTTP, one per request, and rejects invalid ones', async (t) => {
  const simulator = await withSimulator(t, { kind: 'vllm', models: ['m'] })
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${simulator.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
    return { status: response.status, body: (await response.json()) as Record<string, never> }
  }
  assert.equal((await post('/__simulator/scripts', [script])).status, 200)
  assert.equal((await post('/__simulator/scripts', { txt: 'x' })).status, 400)
  const ask = () => post('/v1/chat/completions', { model: 'm', messages: [], max_tokens: 1 })
  const scripted = (await ask()).body as { choices?: [{ message: object; finish_reason: string }] }
  assert.deepEqual(scripted.choices?.[0].message, {
    role: 'assistant',
    content: 'Look at this.',
    reasoning: 'hm hm',
    tool_calls: [
      { id: 'call_0', type: 'function', function: { name: 'f', arguments: '{"city":"Paris"}' } },
      { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
    ],
  })
  assert.equal(scripted.choices?.[0].finish_reason, 'tool_calls')
  const made = (await ask()).body as { choices?: [{ message: { content: string } }] }
  assert.equal(made.choices?.[0].message.content, '[vllm]')
  assert.throws(() => readScripts({ txt: 'x' }))
})
