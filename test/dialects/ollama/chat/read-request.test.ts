import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { orderTurns } from '../../../../src/dialects/hub/parts/ordered-turns.ts'
import { readOllamaChatRequest } from '../../../../src/dialects/ollama/chat/read-request.ts'
import { refusal } from '../support.ts'

const hi = { role: 'user', content: 'hi' }
const read = (request: object) => readOllamaChatRequest({ model: 'm', messages: [hi], ...request })
const turnsOf = (...messages: unknown[]) => read({ messages }).turns
const usesOf = (request: object) => [...read(request).uses].sort()

const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64')
const jpeg = Buffer.from('ffd8ffe000104a464946000101000001', 'hex').toString('base64')
const gif = Buffer.from('GIF89a..............').toString('base64')
const webp = Buffer.from('RIFF....WEBPVP8 ').toString('base64')
const wav = Buffer.from('RIFF....WAVEfmt ').toString('base64')
const mp3 = Buffer.from('ID3.............').toString('base64')
const image = (data: string, mediaType: string) => ({
  kind: 'image',
  source: { kind: 'data', data, mediaType },
})

describe('messages of a request to /api/chat', () => {
  it('become turns in their order, whatever the case of the role', () => {
    assert.deepEqual(
      turnsOf(
        { role: 'System', content: 'be kind' },
        { role: 'USER', content: 'hi' },
        { role: 'assistant', content: 'yes', thinking: 'hm' },
        { role: 'user', content: null },
      ),
      [
        { role: 'system', text: 'be kind', isDeveloper: false },
        { role: 'user', parts: [{ kind: 'text', text: 'hi' }] },
        {
          role: 'assistant',
          parts: [
            { kind: 'thinking', text: 'hm' },
            { kind: 'text', text: 'yes' },
          ],
        },
        { role: 'user', parts: [{ kind: 'text', text: '' }] },
      ],
    )
  })

  for (const [name, data, expected, feature] of [
    ['PNG', png, image(png, 'image/png'), 'image_data'],
    ['JPEG', jpeg, image(jpeg, 'image/jpeg'), 'image_data'],
    ['GIF', gif, image(gif, 'image/gif'), 'image_data'],
    ['WebP', webp, image(webp, 'image/webp'), 'image_data'],
    ['a data URL', `data:image/png;base64,${jpeg}`, image(jpeg, 'image/jpeg'), 'image_data'],
    ['unknown bytes', 'AAAABBBBCCCC', image('AAAABBBBCCCC', 'image/png'), 'image_data'],
    ['a WAV file', wav, { kind: 'audio', data: wav, format: 'wav' }, 'audio_input'],
    ['an MP3 file', mp3, { kind: 'audio', data: mp3, format: 'mp3' }, 'audio_input'],
  ] as const) {
    it(`has the media type of ${name} in images`, () => {
      const messages = [{ role: 'user', content: 'what?', images: [data] }]
      assert.deepEqual(turnsOf(...messages), [
        { role: 'user', parts: [expected, { kind: 'text', text: 'what?' }] },
      ])
      assert.deepEqual(usesOf({ messages }), [feature])
    })
  }

  it("may have OpenAI's parts", () => {
    const content = [
      { type: 'text', text: 'what?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
      { type: 'image_url', image_url: 'https://a.example/b.png' },
    ]
    assert.deepEqual(turnsOf({ role: 'user', content }), [
      {
        role: 'user',
        parts: [
          { kind: 'text', text: 'what?' },
          image(png, 'image/png'),
          { kind: 'image', source: { kind: 'url', url: 'https://a.example/b.png' } },
        ],
      },
    ])
  })

  for (const [name, args, expected] of [
    ['an object', { x: 1, y: { z: [] } }, '{"x":1,"y":{"z":[]}}'],
    ['JSON text', '{"x": 1}', '{"x": 1}'],
    ['the text of a text', '"{\\"x\\":1}"', '{"x":1}'],
    ['an empty object', {}, '{}'],
    ['empty text', '', '{}'],
    ['null', null, '{}'],
    ['nothing', undefined, '{}'],
  ] as const) {
    it(`has the arguments of a call as text if the client sends ${name}`, () => {
      const [turn] = turnsOf({
        role: 'assistant',
        content: '',
        tool_calls: [{ function: { index: 0, name: 'f', arguments: args } }],
      })
      assert.deepEqual(turn, {
        role: 'assistant',
        parts: [{ kind: 'call', id: 'call00001', name: 'f', args: expected }],
      })
    })
  }

  it('keep integers beyond 2^53 in arguments that are text', () => {
    const [turn] = turnsOf({
      role: 'assistant',
      tool_calls: [{ function: { name: 'f', arguments: '{"id":9007199254740993}' } }],
    })
    assert.match(JSON.stringify(turn), /9007199254740993/)
  })

  it('have IDs of the gateway for calls without one, the same for the same history', () => {
    const history = [
      hi,
      { role: 'assistant', tool_calls: [{ function: { name: 'a' } }, { function: { name: 'a' } }] },
      { role: 'tool', content: '1' },
      { role: 'tool', content: '2' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'own', function: { name: 'b' } }, { function: { name: 'c' } }],
      },
      { role: 'tool', content: '3', tool_call_id: 'own' },
      { role: 'tool', content: '4', tool_name: 'c' },
    ]
    const calls = turnsOf(...history).flatMap((turn) =>
      turn.role === 'assistant' ? turn.parts.map((part) => (part.kind === 'call' ? part.id : '')) : [],
    )
    assert.deepEqual(calls, ['call00001', 'call00002', 'own', 'call00003'])
    for (const id of calls.filter((each) => each !== 'own')) assert.match(id, /^[a-zA-Z0-9]{9}$/)
  })

  /** IDs and texts of the results as they go to an endpoint. */
  const resultsOf = (calls: readonly object[], results: readonly object[]) =>
    orderTurns(
      turnsOf(
        hi,
        { role: 'assistant', content: '', tool_calls: calls },
        ...results.map((each) => ({ role: 'tool', ...each })),
      ),
    ).flatMap((turn) =>
      turn.role === 'results'
        ? turn.results.map(({ callId, parts: [part] }) => [callId, part?.kind === 'text' ? part.text : ''])
        : [],
    )
  const call = (name: string, id?: string) => ({ ...(id === undefined ? {} : { id }), function: { name } })

  for (const [name, calls, results] of [
    ['by order, without ID and name', [call('a'), call('b')], [{ content: '1' }, { content: '2' }]],
    [
      'by the name of the tool, in another order',
      [call('a'), call('b')],
      [
        { content: '2', tool_name: 'b' },
        { content: '1', tool_name: 'a' },
      ],
    ],
    [
      'by the name under its OpenAI name',
      [call('a'), call('b')],
      [
        { content: '2', name: 'b' },
        { content: '1', name: 'a' },
      ],
    ],
    [
      'by order if both have the same name',
      [call('a'), call('a')],
      [
        { content: '1', tool_name: 'a' },
        { content: '2', tool_name: 'a' },
      ],
    ],
    [
      'by order if only the results have an ID',
      [call('a'), call('b')],
      [
        { content: '1', tool_call_id: 'x' },
        { content: '2', tool_call_id: 'y' },
      ],
    ],
  ] as const) {
    it(`assigns results to calls ${name}`, () => {
      assert.deepEqual(resultsOf(calls, results), [
        ['call00001', '1'],
        ['call00002', '2'],
      ])
    })
  }

  it('assigns results by the ID that the client sent with the call', () => {
    const calls = [call('a', 'one'), call('a', 'two')]
    const results = [
      { content: '2', tool_call_id: 'two', tool_name: 'a' },
      { content: '1', tool_call_id: 'one', tool_name: 'a' },
    ]
    assert.deepEqual(resultsOf(calls, results), [
      ['one', '1'],
      ['two', '2'],
    ])
  })

  it('may have images in the result of a tool', () => {
    const messages = [hi, { role: 'tool', content: 'see', tool_name: 'shot', images: [png] }]
    assert.deepEqual(turnsOf(...messages).at(-1), {
      role: 'results',
      results: [
        {
          callId: '',
          name: 'shot',
          parts: [{ kind: 'text', text: 'see' }, image(png, 'image/png')],
          isError: false,
        },
      ],
    })
    assert.deepEqual(usesOf({ messages }), ['image_data', 'tool_result_image', 'tools'])
  })

  it('continue the answer if an assistant without calls is the last', () => {
    const prefill = read({ messages: [hi, { role: 'assistant', content: 'Once' }] })
    assert.equal(prefill.settings.continuesAnswer, true)
    assert.ok(prefill.uses.has('prefill'))
    const calls = [{ function: { name: 'f' } }]
    const waiting = read({ messages: [hi, { role: 'assistant', tool_calls: calls }] })
    assert.equal(waiting.settings.continuesAnswer, undefined)
    assert.ok(!waiting.uses.has('prefill'))
  })
})

describe('tools of a request to /api/chat', () => {
  const schema = { type: 'object', properties: { x: { type: 'string' } } }

  it('become function tools', () => {
    const request = {
      tools: [
        { type: 'function', function: { name: 'f', description: 'F', parameters: schema } },
        { type: 'function', function: { name: 'g' } },
      ],
    }
    assert.deepEqual(read(request).tools, [
      { kind: 'function', name: 'f', description: 'F', schema, isStrict: false },
      { kind: 'function', name: 'g', description: undefined, schema: undefined, isStrict: false },
    ])
    assert.deepEqual(usesOf(request), ['tools'])
  })

  it('may be absent, null or empty', () => {
    for (const tools of [undefined, null, []]) assert.deepEqual(usesOf({ tools }), [])
  })
})

describe('a request to /api/chat', () => {
  it('streams unless the client asks for a whole answer', () => {
    for (const [stream, expected] of [
      [undefined, true],
      [null, true],
      [true, true],
      [false, false],
    ] as const) {
      assert.equal(read({ stream }).isStream, expected)
    }
  })

  const deep = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)

  for (const [request, message] of [
    [{ messages: undefined }, /^messages: /],
    [{ messages: [] }, /^messages: /],
    [{ messages: 'hi' }, /^messages: /],
    [{ messages: [hi, 'hi'] }, /^messages\.1: must be an object/],
    [{ messages: [hi, { content: 'x' }] }, /^messages\.1\.role: /],
    [{ messages: [{ role: 'robot', content: 'x' }] }, /^messages\.0\.role: /],
    [{ messages: [{ role: 'user', content: 7 }] }, /^messages\.0\.content: must be a string/],
    [{ messages: [{ role: 'user', content: [{ text: 7 }] }] }, /^messages\.0\.content: must be a string/],
    [{ messages: [{ role: 'user', content: 'x', images: 'x' }] }, /^messages\.0\.images: must be a list/],
    [{ messages: [{ role: 'user', content: 'x', images: [7] }] }, /^messages\.0\.images\.0: must be base64/],
    [{ messages: [{ role: 'user', content: 'x', images: [''] }] }, /^messages\.0\.images\.0: must be base64/],
    [{ messages: [{ role: 'user', images: ['http://a/b.png'] }] }, /^messages\.0\.images\.0: must be base64/],
    [{ messages: [{ role: 'system', content: 'x', images: [png] }] }, /^messages\.0\.images: /],
    [{ messages: [{ role: 'assistant', tool_calls: {} }] }, /^messages\.0\.tool_calls: must be a list/],
    [
      { messages: [{ role: 'assistant', tool_calls: [7] }] },
      /^messages\.0\.tool_calls\.0: must be an object/,
    ],
    [
      { messages: [{ role: 'assistant', tool_calls: [{ function: {} }] }] },
      /^messages\.0\.tool_calls\.0\.function\.name: /,
    ],
    [
      { messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: [] } }] }] },
      /^messages\.0\.tool_calls\.0\.function\.arguments: must be an object/,
    ],
    [{ messages: [{ role: 'assistant', thinking: 7 }] }, /^messages\.0\.thinking: must be a string/],
    [
      { messages: [{ role: 'tool', content: 'x', tool_name: 7 }] },
      /^messages\.0\.tool_name: must be a string/,
    ],
    [{ messages: [{ role: 'user', content: deep(50_000) }] }, undefined],
    [{ tools: {} }, /^tools: must be a list/],
    [{ tools: ['f'] }, /^tools\.0: must be an object/],
    [{ tools: [{ type: 'function' }] }, /^tools\.0\.function\.name: /],
    [{ stream: 'yes' }, /^stream: must be true or false/],
  ] as const) {
    const shown = JSON.stringify(request, (_key, value) =>
      Array.isArray(value) && Array.isArray(value[0]) ? 'nested' : value,
    )
    if (message === undefined) it(`reads ${shown.slice(0, 100)}`, () => assert.ok(read(request)))
    else
      it(`with ${shown} is refused`, () =>
        assert.match(
          refusal(() => read(request)),
          message,
        ))
  }
})
