import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formats } from '../../../src/dialects/all.ts'
import { translateAnswer } from '../../../src/dialects/hub/answer/answer-translation.ts'
import type { Format, FormatCall } from '../../../src/dialects/hub/format.ts'
import { conversation } from './conversations.ts'
import { expected } from './recording.ts'

function writerOf(format: Format) {
  const call: FormatCall = {
    conversation: conversation(
      [],
      { streamUsage: true, thinking: { isOn: true, isShown: true } },
      { isStream: true },
    ),
    request: { model: 'm', stream: true, stream_options: { include_usage: true } },
    requestId: 'req',
    isStream: true,
    newId: (prefix) => `${prefix}_1`,
    nowMs: () => 1_700_000_000_000,
    monotonicMs: () => 0,
  }
  return format.writeAnswer(call)
}

const usage = { promptTokens: 1, cachedTokens: 0, cacheWriteTokens: 0, completionTokens: 1 }
const words = ['one', ' two', ' three', ' four']

describe('an event of an endpoint', () => {
  for (const from of formats) {
    for (const to of formats) {
      for (const kind of ['text', 'thinking'] as const) {
        it(`of ${kind} passes at once from ${from.name} to ${to.name}`, () => {
          const endpoint = writerOf(from)
          const client = translateAnswer(from.framing, from, writerOf(to), expected(), false)
          endpoint.start({ id: 'id', model: 'm', usage })
          endpoint.open(0, { kind })
          let count = 0
          for (const word of words) {
            endpoint.append(0, kind, word)
            const event = endpoint.take()
            const passed = client.push(Buffer.from(event)).toString('utf8')
            if (event.includes(word.trim()) && passed.includes(word.trim())) count++
          }
          // Some APIs have no thinking.
          const isCarried = kind === 'text' || (carries(from, kind) && carries(to, kind))
          assert.equal(count, isCarried ? words.length : 0)
        })
      }
    }
  }
})

/** Whether a stream in this format shows such content. */
function carries(format: Format, kind: 'text' | 'thinking'): boolean {
  const writer = writerOf(format)
  writer.start({ id: 'id', model: 'm', usage })
  writer.open(0, { kind })
  writer.append(0, kind, 'word')
  return writer.take().includes('word')
}
