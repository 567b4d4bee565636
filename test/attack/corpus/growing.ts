/** A body that some reader may work on for longer than its size is worth. */
export interface Growing {
  readonly name: string
  readonly path: string
  /** About two megabytes. */
  readonly size: number
  /** With so many of what it is made of. */
  readonly body: (count: number) => string
}

const chat = '/v1/chat/completions'
const messages = '/olla/anthropic/v1/messages'
const user = '{"role":"user","content":"x"}'
const asked = (parts: string) => `{"model":"m","max_tokens":5,"messages":[${parts}]}`
const repeat = (count: number, of: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => of(at)).join(',')
const call = (id: string) => `{"type":"tool_use","id":"${id}","name":"f","input":{}}`
const result = (id: string) => `{"type":"tool_result","tool_use_id":"${id}","content":"r"}`

export const growing: readonly Growing[] = [
  {
    name: 'levels',
    path: chat,
    size: 500_000,
    body: (n) => `{"model":"m","x":${'['.repeat(n)}${']'.repeat(n)}}`,
  },
  {
    name: 'levels of objects',
    path: chat,
    size: 200_000,
    body: (n) => `{"model":"m","x":${'{"a":'.repeat(n)}1${'}'.repeat(n)}}`,
  },
  {
    name: 'levels before the model',
    path: chat,
    size: 500_000,
    body: (n) => `{"x":${'['.repeat(n)}${']'.repeat(n)},"model":"m"}`,
  },
  {
    name: 'keys',
    path: chat,
    size: 150_000,
    body: (n) => `{"model":"m",${repeat(n, (at) => `"key${at}":1`)}}`,
  },
  { name: 'the key model', path: chat, size: 150_000, body: (n) => `{${repeat(n, () => '"model":"m"')}}` },
  { name: 'escapes', path: chat, size: 300_000, body: (n) => `{"model":"m","x":"${'\\u0061'.repeat(n)}"}` },
  {
    name: 'an open string',
    path: chat,
    size: 2_000_000,
    body: (n) => `{"model":"m","x":"${'\\\\'.repeat(n >> 1)}`,
  },
  {
    name: 'long integers',
    path: chat,
    size: 100_000,
    body: (n) => `{"model":"m","x":[${repeat(n, () => '12345678901234567')}]}`,
  },
  { name: 'messages', path: chat, size: 60_000, body: (n) => asked(repeat(n, () => user)) },
  {
    name: 'levels of Messages',
    path: messages,
    size: 100_000,
    body: (n) => asked(`{"role":"user","content":${'['.repeat(n)}${']'.repeat(n)}}`),
  },
  { name: 'messages of Messages', path: messages, size: 40_000, body: (n) => asked(repeat(n, () => user)) },
  {
    name: 'system messages',
    path: messages,
    size: 40_000,
    body: (n) => asked(`${repeat(n, () => '{"role":"system","content":"s"}')},${user}`),
  },
  {
    name: 'text blocks',
    path: messages,
    size: 60_000,
    body: (n) => asked(`{"role":"user","content":[${repeat(n, () => '{"type":"text","text":"x"}')}]}`),
  },
  {
    name: 'tools',
    path: messages,
    size: 15_000,
    body: (n) =>
      `{"model":"m","max_tokens":5,"tools":[${repeat(n, (at) => `{"name":"f${at}","input_schema":{"type":"object"}}`)}],"messages":[${user}]}`,
  },
  {
    name: 'calls and results',
    path: messages,
    size: 15_000,
    body: (n) =>
      asked(
        `${user},{"role":"assistant","content":[${repeat(n, (at) => call(`t${at}`))}]},{"role":"user","content":[${repeat(n, (at) => result(`t${at}`))}]}`,
      ),
  },
  {
    name: 'calls of one id',
    path: messages,
    size: 15_000,
    body: (n) =>
      asked(
        `${user},{"role":"assistant","content":[${repeat(n, () => call('t'))}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"${'r'.repeat(n * 20)}"}]}`,
      ),
  },
  {
    name: 'counted calls of one id',
    path: `${messages}/count_tokens`,
    size: 15_000,
    body: (n) =>
      asked(
        `${user},{"role":"assistant","content":[${repeat(n, () => call('t'))}]},{"role":"user","content":[${repeat(n, () => result('t'))}]}`,
      ),
  },
  {
    name: 'levels of a schema',
    path: messages,
    size: 60_000,
    body: (n) =>
      `{"model":"m","max_tokens":5,"tools":[{"name":"f","input_schema":${'{"items":'.repeat(n)}{}${'}'.repeat(n)}}],"messages":[${user}]}`,
  },
]
