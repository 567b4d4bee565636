import assert from 'node:assert/strict'
import { readStream } from '../support.ts'

/** What the chunks of a stream add up to. */
export interface Accumulated {
  content: string | null
  refusal: string | null
  reasoning: string
  calls: { id: string; name: string; args: string }[]
  finishReason: string | null
  usage: unknown
  error: unknown
}

type Value = Record<string, unknown>

/**
 * Checks a stream against the grammar of OpenAI's chunks: one identity, the role first and once, calls that begin with
 * their identity, one reason at the end, then the usage if requested, then `[DONE]`; or an error at the end and nothing
 * after it.
 * @returns the sum of its chunks
 */
export function accumulate(text: string, hasUsage: boolean): Accumulated {
  const { values, isDone } = readStream(text)
  const sum: Accumulated = {
    content: null,
    refusal: null,
    reasoning: '',
    calls: [],
    finishReason: null,
    usage: undefined,
    error: undefined,
  }
  let identity: string | undefined
  values.forEach((value, index) => {
    assert.equal(sum.error, undefined, 'nothing follows an error')
    assert.equal(sum.usage, undefined, 'nothing follows the usage')
    if (value.error !== undefined) {
      assert.deepEqual(Object.keys(value), ['error'])
      sum.error = value.error
      return
    }
    const { id, object, created, model, choices, usage, ...others } = value
    assert.deepEqual(others, {})
    assert.equal(object, 'chat.completion.chunk')
    assert.match(String(id), /^chatcmpl-/)
    identity ??= JSON.stringify([id, created, model])
    assert.equal(JSON.stringify([id, created, model]), identity)
    assert.ok(Array.isArray(choices))
    if (choices.length === 0) {
      assert.ok(hasUsage && sum.finishReason !== null)
      sum.usage = usage
      return
    }
    assert.equal(usage, hasUsage ? null : undefined)
    assert.equal(choices.length, 1)
    addChoice(choices[0], index === 0, sum)
  })
  assert.equal(isDone, sum.error === undefined)
  if (sum.error === undefined) {
    assert.notEqual(sum.finishReason, null)
    assert.equal(sum.usage !== undefined, hasUsage)
  }
  return sum
}

function addChoice(choice: Value, isFirst: boolean, sum: Accumulated): void {
  const { index, delta, logprobs, finish_reason: reason, ...others } = choice
  assert.deepEqual(others, {})
  assert.equal(index, 0)
  assert.equal(logprobs, null)
  assert.equal(sum.finishReason, null, 'nothing follows the reason for the end')
  assert.ok(typeof delta === 'object' && delta !== null)
  const { role, content, refusal, reasoning_content: reasoning, tool_calls: calls, ...rest } = delta as Value
  assert.deepEqual(rest, {})
  assert.equal(role, isFirst ? 'assistant' : undefined)
  if (typeof content === 'string') sum.content = (sum.content ?? '') + content
  if (typeof refusal === 'string') sum.refusal = (sum.refusal ?? '') + refusal
  if (reasoning !== undefined) sum.reasoning += String(reasoning)
  if (calls !== undefined) addCall(calls, sum)
  if (reason === null) return
  assert.deepEqual(delta, {})
  assert.ok(['stop', 'length', 'tool_calls', 'content_filter'].includes(String(reason)))
  sum.finishReason = String(reason)
}

function addCall(calls: unknown, sum: Accumulated): void {
  assert.ok(Array.isArray(calls) && calls.length === 1)
  const { index, id, type, function: made, ...rest } = calls[0]
  assert.deepEqual(rest, {})
  if (id === undefined) {
    assert.equal(type, undefined)
    assert.deepEqual(Object.keys(made), ['arguments'])
    assert.equal(index, sum.calls.length - 1, 'calls come one after the other')
    const call = sum.calls.at(-1)
    assert.ok(call)
    call.args += made.arguments
    return
  }
  assert.equal(index, sum.calls.length)
  assert.equal(type, 'function')
  assert.equal(made.arguments, '')
  assert.ok(typeof id === 'string' && id !== '' && typeof made.name === 'string' && made.name !== '')
  sum.calls.push({ id, name: made.name, args: '' })
}
