import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { chunk, expectedAnswer, type MessageEvent, readEvents, toSse, translateAnswer } from './support.ts'

/** One step of a model's output. Calls may be split into parts that interleave with everything else. */
type Step =
  | { readonly kind: 'reasoning'; readonly text: string }
  | { readonly kind: 'content'; readonly text: string }
  | { readonly kind: 'call'; readonly index: number; readonly piece: string }

const words = fc.string({ unit: 'grapheme', maxLength: 8 })
const calls = fc.array(fc.json({ maxDepth: 2 }), { maxLength: 4 })

/** The parts of several calls and texts, in an order that keeps the parts of each call in sequence. */
const scripts = fc
  .record({
    texts: fc.array(
      fc.record({ kind: fc.constantFrom<'reasoning' | 'content'>('reasoning', 'content'), text: words }),
      {
        maxLength: 8,
      },
    ),
    inputs: calls,
    cuts: fc.array(fc.nat(50), { maxLength: 6 }),
    order: fc.infiniteStream(fc.nat(1000)),
  })
  .map(({ texts, inputs, cuts, order }) => {
    const queues: Step[][] = [
      [...texts],
      ...inputs.map((input, index) => {
        const json = JSON.stringify({ input })
        const offsets = [0, ...cuts.map((cut) => cut % json.length).sort((a, b) => a - b), json.length]
        return offsets
          .slice(1)
          .map((end, at): Step => ({ kind: 'call', index, piece: json.slice(offsets[at], end) }))
      }),
    ]
    const steps: Step[] = []
    for (;;) {
      const filled = queues.filter((queue) => queue.length > 0)
      const next = filled[(order.next().value as number) % filled.length]?.shift()
      if (next === undefined) break
      steps.push(next)
    }
    return { steps, inputs }
  })

function chunksOf(steps: readonly Step[]): object[] {
  const begun = new Set<number>()
  return steps.map((step) => {
    if (step.kind === 'reasoning') return chunk({ reasoning_content: step.text })
    if (step.kind === 'content') return chunk({ content: step.text })
    const head = begun.has(step.index) ? {} : { id: `call_${step.index}` }
    const name = begun.has(step.index) ? {} : { name: `tool_${step.index}` }
    begun.add(step.index)
    const call = { index: step.index, ...head, function: { ...name, arguments: step.piece } }
    return chunk({ tool_calls: [call] })
  })
}

const deltaOf: Readonly<Record<string, string>> = {
  text: 'text_delta',
  thinking: 'thinking_delta',
  tool_use: 'input_json_delta',
}

/** message_start (block_start delta* block_stop)* message_delta message_stop, with ascending indices. */
function checkGrammar(events: readonly MessageEvent[]): void {
  assert.equal(events[0]?.type, 'message_start')
  let open: { index: number; type: string } | undefined
  let nextIndex = 0
  for (const event of events.slice(1, -2)) {
    switch (event.type) {
      case 'content_block_start': {
        assert.equal(open, undefined)
        assert.equal(event.index, nextIndex)
        open = { index: nextIndex++, type: (event.content_block as { type: string }).type }
        break
      }
      case 'content_block_delta': {
        assert.equal(event.index, open?.index)
        const { type } = event.delta as { type: string }
        const isSignature = type === 'signature_delta' && open?.type === 'thinking'
        assert.ok(isSignature || type === deltaOf[open?.type ?? ''], `${type} in ${open?.type}`)
        break
      }
      case 'content_block_stop':
        assert.equal(event.index, open?.index)
        open = undefined
        break
      default:
        assert.fail(`${event.type} inside a message`)
    }
  }
  assert.equal(open, undefined)
  assert.deepEqual(
    events.slice(-2).map(({ type }) => type),
    ['message_delta', 'message_stop'],
  )
}

const join = (events: readonly MessageEvent[], type: string, field: string): string =>
  events
    .map(({ delta }) => delta as Record<string, string> | undefined)
    .filter((delta) => delta?.type === type)
    .map((delta) => delta?.[field])
    .join('')

const visible = (text: string) => text.replace(/\s+/g, '')

describe('the order of events', () => {
  it('holds for any interleaving of thinking, text and calls, without loss', () => {
    fc.assert(
      fc.property(scripts, ({ steps, inputs }) => {
        const translation = translateAnswer('stream', 'stream', expectedAnswer())
        const bytes = toSse([...chunksOf(steps), chunk({ content: '.' }, 'stop')])
        const text = Buffer.concat([translation.push(bytes), translation.end()]).toString()
        const events = readEvents(text)
        checkGrammar(events)

        const said = (kind: string) =>
          steps.map((step) => (step.kind === kind && 'text' in step ? step.text : '')).join('')
        // Blank text at the edge of a block is omitted.
        assert.equal(visible(join(events, 'thinking_delta', 'thinking')), visible(said('reasoning')))
        assert.equal(visible(join(events, 'text_delta', 'text')), visible(`${said('content')}.`))
        const starts = events.filter(({ type }) => type === 'content_block_start')
        for (const [index, input] of inputs.entries()) {
          const start = starts.find(
            ({ content_block }) => (content_block as { id?: string }).id === `call_${index}`,
          )
          const own = events.filter((event) => event.index === start?.index)
          assert.deepEqual(JSON.parse(join(own, 'input_json_delta', 'partial_json')), { input })
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('holds for any input: the reader never throws and ends exactly once', () => {
    const anything = fc.oneof(fc.anything(), fc.constantFrom(chunk({ content: 'x' }), chunk({}, 'stop')))
    const delta = fc.record({
      content: fc.anything(),
      reasoning: fc.anything(),
      tool_calls: fc.anything(),
    })
    const values = fc.oneof(
      anything,
      delta.map((each) => chunk(each)),
      fc.record({ choices: fc.array(anything), usage: fc.anything(), error: fc.anything() }),
    )
    fc.assert(
      fc.property(fc.array(values, { maxLength: 6 }), (list) => {
        const bytes = Buffer.from(list.map((each) => `data: ${stringify(each)}\n\n`).join(''))
        const translation = translateAnswer('stream', 'stream', expectedAnswer())
        const events = readEvents(Buffer.concat([translation.push(bytes), translation.end()]).toString())
        const endings = events.filter(({ type }) => type === 'message_stop' || type === 'error')
        assert.equal(endings.length, 1)
        assert.equal(events.at(-1), endings[0])
        assert.equal(endings[0]?.type === 'error', translation.outcome === 'failed')
      }),
      { numRuns: 500 },
    )
  })
})

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch {
    return 'null'
  }
}
