/** Events of a chat completion that never ends. */
export interface Flood {
  readonly name: string
  readonly event: (at: number) => string
}

const event = (delta: string) => `data: {"choices":[{"index":0,"delta":${delta}}]}\n\n`
const call = (index: number, rest: string) => event(`{"tool_calls":[{"index":${index},${rest}}]}`)
const long = 'x'.repeat(4_000)

/** What a translator might keep until it knows what to write. */
export const floods: readonly Flood[] = [
  {
    name: 'ever new tool calls',
    event: (at) => call(at, `"id":"c${at}","type":"function","function":{"name":"f","arguments":"{}"}`),
  },
  {
    name: 'calls without a name',
    event: (at) => call(at, `"id":"c${at}","function":{"arguments":"${long}"}`),
  },
  { name: 'one call’s name', event: () => call(0, `"function":{"name":"${long}"}`) },
  {
    name: 'arguments of another call',
    event: (at) => call(at % 2, `"id":"c${at % 2}","function":{"name":"f","arguments":"${long}"}`),
  },
  { name: 'blanks', event: () => event(`{"content":"${' '.repeat(4_000)}"}`) },
  {
    name: 'an event without an end',
    event: (at) => (at === 0 ? `data: {"choices":[{"delta":{"content":"${long}` : long),
  },
  { name: 'lines of one event', event: () => `data: ${long}\n` },
  { name: 'comments', event: () => `: ${long}\n` },
  {
    name: 'an open think tag',
    event: (at) => event(`{"content":"${at === 0 ? '<think>' : ''}<thin${long}"}`),
  },
]
