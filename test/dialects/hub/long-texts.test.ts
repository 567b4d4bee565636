import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formats } from '../../../src/dialects/all.ts'
import type { Turn } from '../../../src/dialects/hub/contract/conversation.ts'
import type { Format } from '../../../src/dialects/hub/format.ts'
import {
  type ParsedRequest,
  parseRequest,
  parseShort,
  shortOrFull,
  writeBody,
} from '../../../src/dialects/hub/parts/request-body.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import { wholeOf } from '../../../src/kernel/memory/body-bytes.ts'
import {
  assistant,
  call,
  conversation,
  result,
  results,
  system,
  target,
  thinking,
  tool,
  user,
} from './conversations.ts'

const endpoint = target({ reasoningField: 'reasoning', readsFiles: true })

interface Outcome {
  /** JSON value that the endpoint receives, or the error. */
  readonly value: unknown
  /** Whether the long texts stayed out of it. */
  readonly isShort: boolean
}

/** @param isWhole reads the request in full at once */
function translated(from: Format, to: Format, body: Buffer, isWhole: boolean): Outcome {
  let isShort = false
  const write = ({ request, texts }: ParsedRequest) => {
    const sent = writeBody(to.writeRequest(from.readRequest(request), endpoint).body, texts)
    isShort = texts !== undefined
    return wholeOf(sent)
  }
  const full = { request: parseRequest(body), texts: undefined }
  try {
    const sent = isWhole ? write(full) : shortOrFull(body, parseShort(body, from.longTexts, 0), write)
    return { value: JSON.parse(sent.toString('utf8')), isShort }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return { value: error.message, isShort: false }
  }
}

function assertSame(from: Format, to: Format, request: unknown): Outcome {
  const body = Buffer.from(typeof request === 'string' ? request : JSON.stringify(request))
  const short = translated(from, to, body, false)
  assert.deepEqual(short.value, translated(from, to, body, true).value)
  return short
}

const starts = [
  '',
  ' \n\t ',
  'Error: ',
  'x-anthropic-billing-header: a=1; b=2;\n',
  '<think>',
  '{"a":"',
  '"a" ',
  'data:',
]
const ends = ['', ' \n ', '"}', '\\', '</think>', ' '.repeat(200)]
const units = [
  'word and ',
  'a "quoted"\n',
  '\\"\\\\',
  '漢字と',
  'привет ',
  '😀',
  '\u0000\u001f',
  ' \n',
  'aGk=',
]
const filled = (unit: string, length: number) => unit.repeat(Math.ceil(length / unit.length))
const long = fc
  .tuple(fc.constantFrom(...starts), fc.constantFrom(...units), fc.nat(2_000), fc.constantFrom(...ends))
  .map(([start, unit, length, end]) => start + filled(unit, length) + end)
const text = fc.oneof(long, fc.string({ maxLength: 10 }))
const id = fc.constantFrom('a', 'b', 'call_1')
const image = (data: string) => ({
  kind: 'image' as const,
  source: { kind: 'data' as const, data, mediaType: 'image/png' },
})
const file = (data: string) => ({
  kind: 'document' as const,
  source: { kind: 'data' as const, data, mediaType: 'text/plain' },
  name: 'a.txt',
})
const base64 = long.map((each) => Buffer.from(each).toString('base64'))
const part = fc.oneof(text, base64.map(image), base64.map(file))
const made = fc.oneof(
  text,
  fc
    .tuple(id, text)
    .map(([key, input]) => call(key, 'f', JSON.stringify({ input, content: { text: input } }))),
  text.map((each) => thinking(each, 's')),
)
const turn: fc.Arbitrary<Turn> = fc.oneof(
  text.map((each) => system(each)),
  fc.array(part, { maxLength: 3 }).map((parts) => user(...parts)),
  fc.array(made, { maxLength: 4 }).map((parts) => assistant(...parts)),
  fc
    .array(fc.tuple(id, part, fc.boolean()), { maxLength: 3 })
    .map((list) => results(...list.map(([key, said, isError]) => ({ ...result(key, said), isError })))),
)
/** Users and the assistant in alternation, except where another turn comes between. */
const chats = fc.array(fc.tuple(text, fc.option(turn, { freq: 8 })), { maxLength: 14 }).map((list) =>
  list.flatMap(([said, other], at): Turn[] => {
    const plain = at % 2 === 0 ? user(said) : assistant(said)
    return other === null ? [plain] : [plain, other]
  }),
)
const conversations = fc
  .tuple(fc.oneof(chats, fc.array(turn, { maxLength: 5 })), fc.array(long, { maxLength: 2 }))
  .map(([turns, tools]) =>
    conversation(
      [...turns, user('go on')],
      {},
      { tools: tools.map((each, at) => tool(`f${at}`, { description: each })) },
    ),
  )

describe('a request whose long texts are not decoded', () => {
  for (const from of formats) {
    for (const to of formats) {
      it(`is the same from ${from.name} to ${to.name}`, () => {
        fc.assert(
          fc.property(conversations, (each) => {
            let request: unknown
            try {
              request = from.writeRequest(each, endpoint).body
            } catch {
              // The client's API cannot express it.
              return
            }
            assertSame(from, to, request)
          }),
          { numRuns: 40 },
        )
      })
    }
  }

  const named = (name: string): Format => {
    const found = formats.find((each) => each.name === name)
    assert.ok(found)
    return found
  }
  const messages = named('messages')
  const chat = named('chat')
  const plain = filled('one line of a prompt, which says "hm",\n', 3_000)
  const messagesOf = (content: unknown, more: object = {}) => ({
    model: 'm',
    max_tokens: 1,
    messages: [{ role: 'user', content }],
    ...more,
  })

  it('is usual for ordinary conversations', () => {
    const each = conversation([user(plain), assistant(plain), user(plain)])
    for (const from of formats) {
      for (const to of formats) {
        if (from.name.endsWith('generate') || from.name === 'completions') continue
        if (to.name.endsWith('generate') || to.name === 'completions') continue
        const { isShort } = assertSame(from, to, from.writeRequest(each, endpoint).body)
        assert.equal(isShort, true, `${from.name} to ${to.name}`)
      }
    }
    assert.equal(assertSame(messages, chat, messagesOf(plain, { system: plain })).isShort, true)
    assert.equal(assertSame(named('completions'), chat, { model: 'm', prompt: plain }).isShort, true)
    assert.equal(assertSame(named('ollama-generate'), chat, { model: 'm', prompt: plain }).isShort, true)
  })

  const plainChat = (count: number, length = 300) =>
    Array.from({ length: count }, (_, at) => ({
      role: at % 2 === 0 ? 'user' : 'assistant',
      content: filled(`Message ${at} says "hm",\n`, length),
    }))
  const listOf = (body: Buffer) => {
    const { request } = parseShort(body, messages.longTexts, 0)
    return Array.isArray(request.messages) ? request.messages.length : 0
  }

  it('has one message in place of a run of plain ones', () => {
    const request = { ...messagesOf(''), messages: plainChat(115) }
    for (const spaces of [undefined, 1]) {
      const text = JSON.stringify(request, null, spaces).replaceAll('\n', '')
      assert.equal(listOf(Buffer.from(text)), 5)
      for (const to of ['chat', 'ollama-chat'])
        assert.equal(assertSame(messages, named(to), text).isShort, true)
    }
    for (const from of ['chat', 'ollama-chat'])
      assert.equal(assertSame(named(from), messages, request).isShort, true)
    const input = { model: 'm', input: plainChat(115) }
    assert.equal(assertSame(named('responses'), chat, input).isShort, true)
  })

  it('keeps its messages apart where a run ends', () => {
    const others: readonly object[] = [
      { role: 'user', content: '' },
      { role: 'user', content: ' blank at the start' },
      { role: 'user', content: '\tblank at the start' },
      { role: 'assistant', content: '<think>a thought</think>' },
      { role: 'assistant', content: 'a', name: 'b' },
      { role: 'assistant', content: [{ type: 'text', text: 'a' }] },
      { content: 'a', role: 'assistant' },
      { role: 'user', content: 'the same role twice' },
      { role: 'assistant', content: 'the same role twice' },
      { role: 'system', content: 'a' },
    ]
    for (const other of others) {
      for (let at = 0; at <= 12; at++) {
        const list: object[] = plainChat(12)
        list.splice(at, 0, other)
        const request = { ...messagesOf(''), messages: [...list, { role: 'user', content: 'end' }] }
        assertSame(messages, chat, request)
        assertSame(chat, messages, request)
        assertSame(named('ollama-chat'), named('responses'), request)
      }
    }
  })

  it('has no run in another list, nor one that is too short', () => {
    const list = plainChat(21)
    const nested = JSON.stringify({ ...messagesOf('x'), metadata: { messages: list }, other: list })
    assert.equal(parseShort(Buffer.from(nested), messages.longTexts, 0).texts, undefined)
    assert.equal(listOf(Buffer.from(JSON.stringify({ ...messagesOf(''), messages: plainChat(9, 10) }))), 9)
    assert.equal(listOf(Buffer.from(JSON.stringify({ ...messagesOf(''), messages: plainChat(4) }))), 4)
  })

  it('reports the place of a mistake after a run', () => {
    const wrong = { ...messagesOf(''), messages: [...plainChat(20), { role: 'x', content: 'a' }] }
    const { value } = assertSame(messages, chat, wrong)
    assert.equal(value, 'messages.20.role: must be user or assistant')
  })

  it('is read in full if a text is encoded again, left out or repeated', () => {
    const cases: readonly unknown[] = [
      messagesOf([
        { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'x', source: { data: plain } }] },
      ]),
      messagesOf([
        {
          type: 'document',
          source: { type: 'base64', media_type: 'text/plain', data: Buffer.from(plain).toString('base64') },
        },
      ]),
      {
        ...messagesOf('x'),
        messages: [
          { role: 'system', content: plain, clear_at: 'next_user_message' },
          { role: 'user', content: 'x' },
        ],
      },
      `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":${JSON.stringify(plain)},"content":"x"}]}`,
      messagesOf('x', { system: `x-anthropic-billing-header: ${filled('a=1;', 2_000)}` }),
    ]
    for (const request of cases) assert.equal(assertSame(messages, chat, request).isShort, false)
  })

  it('may contain the marks that stand for other texts', () => {
    const body = Buffer.from(JSON.stringify(messagesOf(plain)))
    const { request } = parseShort(body, messages.longTexts, 0)
    const [mark] = /"[^"]+\.0"/.exec(JSON.stringify(request).replaceAll('\\"', '"')) ?? []
    assert.ok(mark !== undefined)
    for (const said of [
      mark,
      mark.replace('.0', '.1'),
      mark.replace('.0', '.99'),
      mark.slice(1),
      `\\${mark}`,
    ]) {
      const repeated = { ...messagesOf(plain), system: said }
      assert.equal(assertSame(messages, chat, repeated).isShort, false)
      assertSame(messages, chat, { ...messagesOf([{ type: 'text', text: said }]), tools: [{ name: plain }] })
    }
  })

  it('is found in any layout, but not under another name', () => {
    const pretty = JSON.stringify(messagesOf([{ type: 'text', text: plain }]), null, 2)
    assert.equal(assertSame(messages, chat, pretty).isShort, true)
    const others = [
      { role: 'user', content: 'a', note: plain },
      { role: 'user', content: { deep: { text: plain } } },
    ]
    for (const message of others) {
      const body = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 1, messages: [message] }))
      assert.equal(parseShort(body, messages.longTexts, 0).texts, undefined)
    }
  })

  it('is refused if a text is not JSON, as far as that is seen', () => {
    const raw = `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"${plain.replaceAll('"', "'")}"}]}`
    assert.throws(() => parseShort(Buffer.from(raw), messages.longTexts, 0), { code: 'invalid_json' })
  })

  it('is read in full if it is not UTF-8', () => {
    const body = Buffer.from(JSON.stringify(messagesOf(`${plain}\u00e9${plain}`)), 'latin1')
    assert.equal(parseShort(body, messages.longTexts, 0).texts, undefined)
  })
})

describe('a text of more than 16 KiB', () => {
  it('is sent from the memory of the body, between what is written', () => {
    for (const from of formats.filter(({ name }) => name === 'messages' || name === 'chat')) {
      const texts = [
        'a long text\\n'.repeat(4_000),
        'short'.repeat(200),
        'another long text, é '.repeat(2_000),
      ]
      const messages = texts.map((text) => `{"role":"user","content":[{"type":"text","text":"${text}"}]}`)
      const body = Buffer.from(`{"model":"m","max_tokens":5,"messages":[${messages.join(',')}]}`)
      const { request, texts: long } = parseShort(body, from.longTexts)
      const pieces = writeBody(from.writeRequest(from.readRequest(request), endpoint).body, long)
      assert.ok(!Buffer.isBuffer(pieces))
      assert.deepEqual(
        pieces.map(({ buffer }) => buffer === body.buffer),
        [false, true, false, true, false],
      )
      const full = from.writeRequest(from.readRequest(parseRequest(body)), endpoint).body
      assert.deepEqual(JSON.parse(wholeOf(pieces).toString('utf8')), JSON.parse(JSON.stringify(full)))
    }
  })
})
