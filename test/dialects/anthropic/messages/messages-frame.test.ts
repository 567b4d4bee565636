import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { checkMessagesFrame } from '../../../../src/dialects/anthropic/messages/request/messages-frame.ts'
import { messagesTexts } from '../../../../src/dialects/anthropic/messages/request/messages-texts.ts'
import { parseShort } from '../../../../src/dialects/hub/parts/request-body.ts'
import { GatewayError } from '../../../../src/kernel/errors.ts'

const user = (content: unknown) => ({ role: 'user', content })
const sound = { model: 'm', max_tokens: 1, messages: [user('a')] }
const refuses = (check: () => void, message: RegExp) =>
  assert.throws(
    check,
    (error) => error instanceof GatewayError && error.statusCode === 400 && message.test(error.message),
  )

const read = (body: string) => parseShort(Buffer.from(body), messagesTexts).request

/** Long texts are not part of what is checked. */
const paddings = [
  ['short', ''],
  ['long', `"system":"${'x'.repeat(300_000)}",`],
] as const

for (const [size, padding] of paddings)
  describe(`checkMessagesFrame, ${size}`, () => {
    const parsed = (request: unknown) =>
      read((typeof request === 'string' ? request : JSON.stringify(request)).replace('{', `{${padding}`))
    const refusals: readonly [object | string, RegExp][] = [
      [{ ...sound, messages: undefined }, /messages: at least one message is required/],
      [{ ...sound, messages: null }, /at least one message is required/],
      [{ ...sound, messages: [] }, /at least one message is required/],
      [{ ...sound, messages: 'hi' }, /at least one message is required/],
      [{ ...sound, messages: ['hi'] }, /messages\.0: not an object/],
      [{ ...sound, messages: [user('a'), 7] }, /messages\.1: not an object/],
      [{ ...sound, messages: [{ content: 'a' }] }, /messages\.0\.role/],
      [{ ...sound, messages: [{ role: 'tool', content: 'a' }] }, /messages\.0\.role/],
      [{ ...sound, messages: [{ role: 7, content: 'a' }] }, /messages\.0\.role/],
      [{ ...sound, messages: [{ role: 'user' }] }, /messages\.0\.content: Field required/],
      [{ ...sound, messages: [user(null)] }, /messages\.0\.content: Field required/],
      [{ ...sound, messages: [user('')] }, /messages\.0: user messages must have non-empty content/],
      [{ ...sound, messages: [user([])] }, /messages\.0: user messages must have non-empty content/],
      [
        { ...sound, messages: [user('a'), { role: 'assistant', content: 'b' }, user('')] },
        /messages\.2: user/,
      ],
      [{ ...sound, messages: [user('  \n')] }, /non-whitespace/],
      [{ ...sound, messages: [user([{ type: 'text', text: '' }])] }, /non-whitespace/],
      [{ ...sound, max_tokens: undefined }, /max_tokens: Field required/],
      [{ ...sound, max_tokens: 0 }, /max_tokens must be at least 1, got 0/],
      [{ ...sound, max_tokens: 'many' }, /max_tokens must be at least 1, got "many"/],
      [{ ...sound, max_tokens: '7' }, /max_tokens must be at least 1, got "7"/],
      [{ ...sound, temperature: 2.1 }, /temperature must be between 0 and 2, got 2.1/],
      [{ ...sound, temperature: true }, /temperature must be between 0 and 2/],
      [{ ...sound, top_p: -1 }, /top_p must be between 0 and 1/],
      [{ ...sound, top_k: [] }, /top_k must be non-negative/],
      ['{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"},]}', /JSON/],
    ]
    for (const [request, message] of refusals) {
      it(`refuses ${JSON.stringify(request).slice(0, 100)}`, () =>
        refuses(() => checkMessagesFrame(parsed(request)), message))
    }

    const accepted: readonly object[] = [
      sound,
      { ...sound, max_tokens: null, temperature: null },
      { ...sound, temperature: 0, top_p: 1, top_k: 0 },
      { ...sound, messages: [user([{ type: 'image', source: {} }])] },
      {
        ...sound,
        messages: [
          user([
            { type: 'text', text: '' },
            { type: 'tool_result', tool_use_id: 'a' },
          ]),
        ],
      },
      { ...sound, messages: [user({ type: 'text', text: 'a' })] },
      { ...sound, messages: [user(''), user('a')] },
      { ...sound, messages: [user('a'), { role: 'assistant', content: '' }] },
      { ...sound, messages: [user('a'), { role: 'system', content: 'b' }] },
      { ...sound, thread: null },
      { ...sound, messages: [{ ...user('the "thread" of it'), thread: 1 }] },
    ]
    for (const request of accepted) {
      it(`accepts ${JSON.stringify(request).slice(0, 100)}`, () => checkMessagesFrame(parsed(request)))
    }

    it('does not require max_tokens to count tokens', () => {
      checkMessagesFrame(parsed({ ...sound, max_tokens: undefined }), false)
    })

    it('refuses a server-side conversation with the message that clients recognize', () => {
      for (const thread of [{ type: 'create' }, { type: 'continue', previous_message_id: 'msg_1' }]) {
        assert.throws(
          () => checkMessagesFrame(parsed({ ...sound, thread })),
          (error) =>
            error instanceof GatewayError && error.details?.error_code === 'thread_unsupported_request',
        )
      }
    })

    it('accepts any content of a valid request, in any layout', () => {
      fc.assert(
        fc.property(
          fc.array(fc.jsonValue(), { minLength: 1, maxLength: 4 }),
          fc.nat(3),
          (contents, indent) => {
            const messages = [...contents.map((each) => ({ role: 'assistant', content: each })), user('a')]
            checkMessagesFrame(parsed(JSON.stringify({ ...sound, messages }, null, indent)))
          },
        ),
        { numRuns: 50 },
      )
    })
  })

describe('a number that is a deep list', () => {
  it('is refused without being printed', () => {
    const list = `${'['.repeat(300)}${']'.repeat(300)}`
    const body = `{"messages":[{"role":"user","content":"y"}],"max_tokens":${list}}`
    refuses(() => checkMessagesFrame(read(body)), /max_tokens must be at least 1, got a list/)
  })
})
