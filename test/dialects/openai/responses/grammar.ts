import assert from 'node:assert/strict'
import type { Item, Response, ResponseEvent } from './support.ts'

const terminals: ReadonlySet<string> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
])

interface Growing {
  readonly added: Item
  /** The part that is open. */
  part: { type: string; text: string } | undefined
  /** The whole text, arguments or input, once it is done. */
  doneText: string | undefined
  text: string
}

const deltas: Readonly<Record<string, string>> = {
  'response.output_text.delta': 'output_text',
  'response.refusal.delta': 'refusal',
  'response.reasoning_text.delta': 'reasoning_text',
  'response.reasoning_summary_text.delta': 'summary_text',
  'response.function_call_arguments.delta': 'function_call',
  'response.custom_tool_call_input.delta': 'custom_tool_call',
}
const partAdded = /^response\.(?:content_part|reasoning_summary_part)\.added$/
const partDone = /^response\.(?:content_part|reasoning_summary_part)\.done$/
const textDone =
  /^response\.(?:output_text|refusal|reasoning_text|reasoning_summary_text|function_call_arguments|custom_tool_call_input)\.done$/

/**
 * Checks a stream against the grammar of the Responses API: created, in_progress, then each item from its beginning to
 * its end with its parts and deltas, then exactly one terminal event.
 * @returns the response in the terminal event
 */
export function checkGrammar(events: readonly ResponseEvent[]): Response {
  assert.deepEqual(
    events.map(({ sequence_number }) => sequence_number),
    [...events.keys()],
  )
  assert.deepEqual(
    events.slice(0, 2).map(({ type }) => type),
    ['response.created', 'response.in_progress'],
  )
  const created = events[0]?.response
  assert.deepEqual([created?.status, created?.output], ['in_progress', []])
  const last = events.at(-1)
  assert.ok(last !== undefined && terminals.has(last.type), `ends with ${last?.type}`)
  assert.equal(events.filter(({ type }) => terminals.has(type)).length, 1)
  const isFailed = last.type === 'response.failed'
  const inner = events.slice(2, isFailed ? -2 : -1)
  if (isFailed) assert.equal(events.at(-2)?.type, 'error')
  const done: Item[] = []
  let open: Growing | undefined
  for (const event of inner) open = step(event, open, done)
  if (!isFailed) assert.equal(open, undefined, 'an item is open at the end')
  const { response } = last
  assert.ok(response !== undefined)
  assert.equal(response.id, created?.id)
  assert.equal(`response.${response.status}`, last.type)
  assert.deepEqual(response.output, done)
  const ids = done.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  return response
}

function step(event: ResponseEvent, open: Growing | undefined, done: Item[]): Growing | undefined {
  assert.equal(event.output_index, done.length)
  if (event.type === 'response.output_item.added') {
    assert.equal(open, undefined, 'an item begins inside another one')
    assert.ok(event.item !== undefined && event.item.id !== '')
    return { added: event.item, part: undefined, doneText: undefined, text: '' }
  }
  assert.ok(open !== undefined, `${event.type} outside of an item`)
  if (event.type === 'response.output_item.done') {
    assert.ok(event.item !== undefined)
    assert.equal(open.part, undefined)
    assert.deepEqual([event.item.id, event.item.type], [open.added.id, open.added.type])
    checkText(event.item, open)
    done.push(event.item)
    return undefined
  }
  assert.equal(event.item_id, open.added.id)
  if (partAdded.test(event.type)) {
    assert.equal(open.part, undefined)
    open.part = { type: typeOfPart(event.part), text: '' }
  } else if (partDone.test(event.type)) {
    assert.equal(typeOfPart(event.part), open.part?.type)
    open.part = undefined
  } else if (textDone.test(event.type)) {
    assert.equal(open.doneText, undefined)
    open.doneText = String(event.text ?? event.refusal ?? event.arguments ?? event.input ?? '')
    assert.equal(open.doneText, open.text)
  } else {
    assert.equal(deltas[event.type], open.part?.type ?? open.added.type, event.type)
    assert.equal(open.doneText, undefined)
    assert.ok(event.delta !== '' || Array.isArray(event.logprobs))
    open.text += event.delta
  }
  return open
}

/** The item that is done has the text of its deltas. */
function checkText(item: Item, open: Growing): void {
  const parts = [item.content, item.summary].flatMap((list) => (Array.isArray(list) ? list : []))
  const [part] = parts
  const text = part?.text ?? part?.refusal ?? item.arguments ?? item.input
  if (typeof text === 'string') assert.equal(open.text, text)
}

function typeOfPart(part: unknown): string {
  return typeof part === 'object' && part !== null && 'type' in part ? String(part.type) : ''
}
