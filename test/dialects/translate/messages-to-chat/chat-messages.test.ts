import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GatewayError } from '../../../../src/kernel/errors.ts'
import { assistant, messagesOf, translate, user } from './support.ts'

const call = (id: string) => ({ type: 'tool_use', id, name: 'f', input: { id } })
const result = (id: string, content: unknown, beside: object = {}) => ({
  type: 'tool_result',
  tool_use_id: id,
  content,
  ...beside,
})

describe('translated messages', () => {
  it('accept strings, blocks, single blocks and lists of strings', () => {
    assert.deepEqual(messagesOf([user('a')]), [{ role: 'user', content: 'a' }])
    assert.deepEqual(messagesOf([user({ type: 'text', text: 'a' })]), [{ role: 'user', content: 'a' }])
    assert.deepEqual(messagesOf([user(['a', { type: 'text', text: 'b' }])]), [
      { role: 'user', content: 'a\n\nb' },
    ])
  })

  it('omit empty ones and join adjacent ones of one role', () => {
    assert.deepEqual(
      messagesOf([user(''), user('a'), user('b'), assistant('c'), assistant('d'), user(null)]),
      [
        { role: 'user', content: 'a\n\nb' },
        { role: 'assistant', content: 'c\n\nd' },
      ],
    )
  })

  it("keep a later system message in place, inside the user's turn", () => {
    assert.deepEqual(
      messagesOf([
        { role: 'developer', content: 'first' },
        user('a'),
        assistant('b'),
        { role: 'system', content: 'x-anthropic-billing-header: cch=1;' },
        { role: 'system', content: 'second' },
        user('c'),
      ]),
      [
        { role: 'system', content: 'first' },
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'user', content: '<system-reminder>\nsecond\n</system-reminder>\n\nc' },
      ],
    )
  })

  it("drop Claude Code's billing line, also before other text", () => {
    const line = 'x-anthropic-billing-header: cc_version=2.1.100.7b4; cc_entrypoint=cli; cch=eb6c6'
    for (const system of [
      `${line};\nYou are an agent.`,
      `${line};You are an agent.`,
      `${line}\nYou are an agent.`,
    ]) {
      const { messages } = translate({ system, messages: [user('a')] })
      assert.deepEqual((messages as object[])[0], { role: 'system', content: 'You are an agent.' })
    }
    const { messages } = translate({ system: [{ type: 'text', text: line }], messages: [user('a')] })
    assert.deepEqual(messages, [{ role: 'user', content: 'a' }])
  })

  it('drop a system message for one turn once the next turn follows', () => {
    const reminder = { role: 'system', content: 'now', clear_at: 'next_user_message' }
    const wrapped = '<system-reminder>\nnow\n</system-reminder>'
    assert.equal(messagesOf([user('a'), reminder])[0]?.content, `a\n\n${wrapped}`)
    assert.equal(messagesOf([user('a'), reminder, user('b')])[0]?.content, 'a\n\nb')
  })

  it('reject unknown roles', () => {
    assert.throws(
      () => messagesOf([{ role: 'tool', content: 'x' }]),
      (error: GatewayError) =>
        error.code === 'invalid_request' && error.message.startsWith('messages.0.role'),
    )
    assert.throws(() => translate({ messages: ['x'] }), /messages\.0/)
  })

  it('tolerate unknown blocks and keep their text', () => {
    assert.deepEqual(
      messagesOf([
        user([{ type: 'hologram', data: 'x' }, { type: 'new_text', text: 'a' }, { type: 'text' }]),
      ]),
      [{ role: 'user', content: 'a' }],
    )
  })
})

describe('images and documents', () => {
  const pdf = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' }

  it('keep their place in the text', () => {
    const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }
    assert.deepEqual(messagesOf([user([{ type: 'text', text: 'a' }, image, { type: 'text', text: 'b' }])]), [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'text', text: 'b' },
        ],
      },
    ])
  })

  it('are replaced by a notice if only Anthropic could fetch them', () => {
    const [message] = messagesOf([user([{ type: 'image', source: { type: 'file', file_id: 'f' } }])])
    assert.match(String(message?.content), /no access/)
  })

  it('are put into the prompt if they are text', () => {
    const blocks = [
      {
        type: 'document',
        title: 'Notes',
        context: 'of Monday',
        source: { type: 'text', media_type: 'text/plain', data: 'one' },
      },
      { type: 'document', source: { type: 'base64', media_type: 'text/markdown', data: 'dHdv' } },
      { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'three' }] } },
      { type: 'search_result', title: 'T', source: 'S', content: [{ type: 'text', text: 'four' }] },
    ]
    assert.deepEqual(messagesOf([user(blocks)]), [
      {
        role: 'user',
        content:
          '[Document "Notes"]\nof Monday\n\none\n\n[Document]\n\ntwo\n\n[Document]\n\nthree\n\n[Search result: T, S]\nfour',
      },
    ])
  })

  it('are sent as a file if the endpoint reads PDFs, else replaced by a notice', () => {
    const block = { type: 'document', title: 'a.pdf', source: pdf }
    assert.deepEqual(messagesOf([user([block])], { readsFiles: true })[0]?.content, [
      {
        type: 'file',
        file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' },
      },
    ])
    assert.equal(
      messagesOf([user([block])])[0]?.content,
      '[Document "a.pdf" cannot be read here: tell the user.]',
    )
    const byUrl = { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } }
    assert.match(String(messagesOf([user([byUrl])])[0]?.content), /\(https:\/\/example\.com\/a\.pdf\)/)
  })
})

describe('calls and results', () => {
  it("show images of results in the following message, before the user's text", () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } }
    const messages = messagesOf([
      user('go'),
      assistant([call('1'), call('2')]),
      user([{ type: 'text', text: 'and?' }, result('2', 'two'), result('1', [image])]),
    ])
    assert.deepEqual(
      messages.slice(2).map(({ role, tool_call_id }) => tool_call_id ?? role),
      ['1', '2', 'user'],
    )
    assert.deepEqual(messages[4]?.content, [
      { type: 'text', text: '[From the result of tool call 1:]' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
      { type: 'text', text: 'and?' },
    ])
  })

  it('join results from several messages', () => {
    const messages = messagesOf([
      user('go'),
      assistant([call('1'), call('2')]),
      user([result('1', 'one')]),
      user([result('2', 'two')]),
    ])
    assert.deepEqual(messages.slice(2), [
      { role: 'tool', tool_call_id: '1', content: 'one' },
      { role: 'tool', tool_call_id: '2', content: 'two' },
    ])
  })

  it('mark errors once', () => {
    const error = (content: string) =>
      messagesOf([assistant([call('1')]), user([result('1', content, { is_error: true })])])[1]?.content
    assert.equal(error('no such file'), 'Error: no such file')
    assert.equal(error('error: no such file'), 'error: no such file')
  })

  it('keep a result without its call as text, and one of an unknown type as it is', () => {
    assert.deepEqual(messagesOf([user([result('x', 'late')])]), [
      { role: 'user', content: '[Result of tool call x]\nlate' },
    ])
    const odd = [{ type: 'tool_reference', tool_name: 'f' }]
    assert.equal(
      messagesOf([assistant([call('1')]), user([result('1', odd)])])[1]?.content,
      '{"type":"tool_reference","tool_name":"f"}',
    )
    assert.equal(messagesOf([assistant([call('1')]), user([result('1', undefined)])])[1]?.content, '')
  })

  it('omit invalid calls', () => {
    const messages = messagesOf([
      assistant([
        { type: 'tool_use', name: 'f' },
        { type: 'text', text: 'a' },
      ]),
    ])
    assert.deepEqual(messages, [{ role: 'assistant', content: 'a' }])
  })
})
