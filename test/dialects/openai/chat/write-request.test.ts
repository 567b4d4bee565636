import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AssistantPart, Part, Turn } from '../../../../src/dialects/hub/contract/conversation.ts'
import { fingerprint, thinkingSignature } from '../../../../src/dialects/hub/parts/reasoning-signature.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'
import { assistant, call, messages, result, results, text, user } from './support.ts'

describe('messages of a chat request', () => {
  it('begin with one system message, and keep later ones in place', () => {
    const system = (content: string, isDeveloper: boolean): Turn => ({
      role: 'system',
      text: content,
      isDeveloper,
    })
    assert.deepEqual(
      messages([
        system('one', false),
        system('', false),
        system('two', true),
        user('a'),
        assistant(text('b')),
        system('three', true),
        user('c'),
      ]),
      [
        { role: 'system', content: 'one\n\ntwo' },
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'user', content: '<system-reminder>\nthree\n</system-reminder>\n\nc' },
      ],
    )
  })

  it('leave out empty texts, but not a message that has nothing else', () => {
    assert.deepEqual(
      messages([
        user('', 'a', ''),
        assistant(text('b')),
        user(''),
        assistant(call('1')),
        results(result('1', [text(''), text('x')])),
      ]).map(({ content }) => content),
      ['a', 'b', '', null, 'x'],
    )
  })

  it('alternate, except for users with different names', () => {
    const named = (name: string): Turn => ({ role: 'user', parts: [text(name)], name })
    assert.deepEqual(messages([user('a'), user('b'), named('Ann'), named('Ann'), named('Bob'), user('c')]), [
      { role: 'user', content: 'a\n\nb' },
      { role: 'user', name: 'Ann', content: 'Ann\n\nAnn' },
      { role: 'user', name: 'Bob', content: 'Bob' },
      { role: 'user', content: 'c' },
    ])
  })

  const parts: [name: string, part: Part, traits: Partial<ChatTraits>, expected: unknown][] = [
    [
      'an image by URL with its detail',
      { kind: 'image', source: { kind: 'url', url: 'https://example.com/a.png' }, detail: 'low' },
      {},
      [{ type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } }],
    ],
    [
      'an image with its data',
      { kind: 'image', source: { kind: 'data', data: 'AA==', mediaType: 'image/webp' } },
      {},
      [{ type: 'image_url', image_url: { url: 'data:image/webp;base64,AA==' } }],
    ],
    [
      'an image in the file store of another server',
      { kind: 'image', source: { kind: 'file', id: 'file_1' } },
      {},
      '[An image stood here that this endpoint has no access to.]',
    ],
    [
      'audio',
      { kind: 'audio', data: 'AA==', format: 'wav' },
      {},
      [{ type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } }],
    ],
    [
      'a document of text',
      {
        kind: 'document',
        source: { kind: 'data', data: 'b25l', mediaType: 'text/plain; charset=utf-8' },
        name: 'n',
      },
      { readsFiles: true },
      '[Document "n"]\n\none',
    ],
    [
      'a PDF for an endpoint that reads files',
      {
        kind: 'document',
        source: { kind: 'data', data: 'JVBERi0=', mediaType: 'application/pdf' },
        name: undefined,
      },
      { readsFiles: true },
      [
        {
          type: 'file',
          file: { filename: 'document.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' },
        },
      ],
    ],
    [
      'a PDF for another endpoint',
      {
        kind: 'document',
        source: { kind: 'data', data: 'JVBERi0=', mediaType: 'application/pdf' },
        name: 'a.pdf',
      },
      {},
      '[Document "a.pdf" cannot be read here: tell the user.]',
    ],
    [
      'a document by URL',
      { kind: 'document', source: { kind: 'url', url: 'https://example.com/a.pdf' }, name: undefined },
      { readsFiles: true },
      '[Document (https://example.com/a.pdf) cannot be read here: tell the user.]',
    ],
  ]
  for (const [name, part, traits, expected] of parts) {
    it(`contain ${name}`, () => assert.deepEqual(messages([user(part)], traits)[0]?.content, expected))
  }

  it('contain what the assistant refused as text, and no empty text beside calls', () => {
    assert.deepEqual(
      messages([assistant({ kind: 'refusal', text: 'no' }), user('b'), assistant(call('1', 'f', '{"a":1}'))]),
      [
        { role: 'assistant', content: 'no' },
        { role: 'user', content: 'b' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
        },
      ],
    )
  })

  it('return thinking in the field in which this endpoint sent it', () => {
    const endpointMark = fingerprint('here')
    const thinking = (content: string, signature?: string): AssistantPart => ({
      kind: 'thinking',
      text: content,
      signature,
    })
    const sent = (part: AssistantPart, traits: Partial<ChatTraits>) => {
      const [{ role, content, ...rest } = {}] = messages([assistant(part, text('t'))], {
        endpointMark,
        ...traits,
      })
      assert.deepEqual([role, content], ['assistant', 't'])
      return rest
    }
    const own = thinkingSignature('reasoning', endpointMark)
    const foreign = thinkingSignature('reasoning', fingerprint('there'))
    assert.deepEqual(sent(thinking('h', own), {}), { reasoning: 'h' })
    assert.deepEqual(sent(thinking('h', foreign), {}), {})
    assert.deepEqual(sent(thinking('h', foreign), { reasoningField: 'reasoning_content' }), {
      reasoning_content: 'h',
    })
    assert.deepEqual(sent(thinking('', own), { reasoningField: 'reasoning' }), {})
  })
})

describe('calls and results of a chat request', () => {
  const pixel: Part = { kind: 'image', source: { kind: 'data', data: 'AA==', mediaType: 'image/png' } }

  it('put an image of a result into a user message after all results (CommandCodeAI/command-code#902)', () => {
    const sent = messages([
      assistant(call('1'), call('2')),
      results(result('2', [text('two')]), result('1', [text('one'), pixel])),
      user('and?'),
    ])
    assert.deepEqual(sent.slice(1), [
      {
        role: 'tool',
        tool_call_id: '1',
        content: 'one\n\n[What is not text follows in the next message.]',
      },
      { role: 'tool', tool_call_id: '2', content: 'two' },
      {
        role: 'user',
        content: [
          { type: 'text', text: '[From the result of tool call 1:]' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
          { type: 'text', text: 'and?' },
        ],
      },
    ])
  })

  it('mark failures once', () => {
    const content = (value: string) =>
      messages([assistant(call('1')), results(result('1', [text(value)], { isError: true }))])[1]?.content
    assert.equal(content('no such file'), 'Error: no such file')
    assert.equal(content('ERROR 5'), 'ERROR 5')
  })

  it('get IDs if the client sends none, the same for a call and its result (Home Assistant)', () => {
    const sent = messages([
      user('go'),
      assistant(call('', 'f'), call('', 'g'), call('', 'f')),
      results(result('', [text('of g')], { name: 'g' }), result('', [text('of f')], { name: 'f' })),
      assistant(call('', 'f')),
      results(result('', [text('again')])),
    ])
    const ids = (message: Record<string, unknown> = {}) =>
      (message.tool_calls as { id: string }[]).map(({ id }) => id)
    assert.deepEqual(ids(sent[1]), ['call_1', 'call_2', 'call_3'])
    assert.deepEqual(
      sent.slice(2, 4).map(({ tool_call_id, content }) => [tool_call_id, content]),
      [
        ['call_1', 'of f'],
        ['call_2', 'of g'],
      ],
    )
    assert.deepEqual(ids(sent[4]), ['call_4'])
    assert.equal(sent[5]?.tool_call_id, 'call_4')
  })

  it('keep a result without its call as text of the user', () => {
    assert.deepEqual(messages([user('a'), results(result('9', [text('x')], { isError: true })), user('b')]), [
      { role: 'user', content: 'a\n\n[Result of tool call 9]\nError: x\n\nb' },
    ])
  })

  it('are in one message each, however the client splits them (openai/codex#8556)', () => {
    const sent = messages([
      assistant(call('1')),
      assistant(call('2')),
      user('wait'),
      results(result('1', [])),
      results(result('2', [])),
    ])
    assert.deepEqual(
      sent.map(({ role, tool_call_id }) => tool_call_id ?? role),
      ['assistant', '1', '2', 'user'],
    )
  })
})
