import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formats } from '../../../src/dialects/all.ts'
import type { Conversation, Turn } from '../../../src/dialects/hub/contract/conversation.ts'
import type { Format } from '../../../src/dialects/hub/format.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import { isObject } from '../../../src/kernel/json/json-fields.ts'
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

/** Counts how often members and items of a value are read, at any depth. */
class Reads {
  count = 0
  readonly #counted = new WeakMap<object, object>()

  of<Value extends object>(value: Value): Value {
    const known = this.#counted.get(value)
    // The proxy has the type of what it stands for.
    const counted = known ?? this.#proxy(value)
    this.#counted.set(value, counted)
    return counted as Value
  }

  #proxy(value: object): object {
    return new Proxy(value, {
      get: (object, key, receiver) => {
        this.count++
        const member: unknown = Reflect.get(object, key, receiver)
        // Sets and maps work only as themselves.
        return Array.isArray(member) ||
          (isObject(member) && Object.getPrototypeOf(member) === Object.prototype)
          ? this.of(member)
          : member
      },
      ownKeys: (object) => {
        const keys = Reflect.ownKeys(object)
        this.count += keys.length
        return keys
      },
    })
  }
}

const endpoint = target({ reasoningField: 'reasoning', readsFiles: true })
const times = (count: number) => Array.from({ length: count }, (_, at) => at)
const shapes: readonly (readonly [string, (count: number) => readonly Turn[]])[] = [
  ['turns', (count) => times(count).flatMap((at) => [user(`q${at}`), assistant(thinking('hm'), `a${at}`)])],
  [
    'calls and results',
    (count) => times(count).flatMap((at) => [assistant(call(`c${at}`)), results(result(`c${at}`, 'r'))]),
  ],
  [
    'calls of one turn',
    (count) => [
      assistant(...times(count).map((at) => call(`c${at}`))),
      results(
        ...times(count)
          .reverse()
          .map((at) => result(`c${at}`, 'r')),
      ),
    ],
  ],
  ['results without calls', (count) => times(count).map((at) => results(result(`c${at}`, 'r')))],
  ['system messages', (count) => times(count).flatMap((at) => [system(`s${at}`), user('q')])],
  ['parts', (count) => [user(...times(count).map((at) => `p${at}`))]],
]
const made = (turns: readonly Turn[], tools: number): Conversation =>
  conversation(
    [user('first'), ...turns, user('last')],
    {},
    { tools: times(tools).map((at) => tool(`tool${at}`, { schema: { type: 'object' } })) },
  )

/** @returns undefined if the API cannot express it */
function written(to: Format, given: Conversation): object | undefined {
  try {
    return to.writeRequest(given, endpoint).body
  } catch (error) {
    if (error instanceof GatewayError) return undefined
    throw error
  }
}

/** Reads of a conversation while a request is written, and of that request while it is read. */
function readsOf(
  format: Format,
  given: Conversation,
): { readonly writing: number; readonly reading: number } | undefined {
  const ofConversation = new Reads()
  const body = written(format, ofConversation.of(given))
  if (body === undefined) return undefined
  JSON.stringify(body)
  const ofRequest = new Reads()
  format.readRequest(ofRequest.of(JSON.parse(JSON.stringify(body))))
  return { writing: ofConversation.count, reading: ofRequest.count }
}

/** Linear growth doubles; constants make it less. */
const maxGrowth = 2.05

/** The others take one prompt. */
const chats = formats.filter((format) => written(format, made([assistant('a')], 1)) !== undefined)

it('is measured for each API with messages', () => {
  assert.deepEqual(
    chats.map(({ name }) => name),
    ['chat', 'messages', 'responses', 'ollama-chat'],
  )
})

for (const format of chats) {
  describe(`the work for a request of ${format.name}`, () => {
    for (const [name, turns] of [...shapes, ['tools', () => []] as const]) {
      it(`doubles with twice as many ${name}`, () => {
        const counts = [250, 500, 1_000].map((count) => readsOf(format, made(turns(count), count / 4)))
        const [one, two, four] = counts
        assert.ok(one && two && four)
        for (const side of ['writing', 'reading'] as const) {
          assert.ok(one[side] > 250 / 4, `${side} is counted: ${one[side]}`)
          assert.ok(two[side] <= maxGrowth * one[side], `${side}: ${one[side]}, ${two[side]}`)
          assert.ok(four[side] <= maxGrowth * two[side], `${side}: ${two[side]}, ${four[side]}`)
        }
      })
    }
  })
}
