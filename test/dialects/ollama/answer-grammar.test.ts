import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AnswerBuilder } from '../../../src/dialects/hub/answer/answer-builder.ts'
import { ollamaChatWriter } from '../../../src/dialects/ollama/chat/write-answer.ts'
import { ollamaGenerateWriter } from '../../../src/dialects/ollama/generate/write-answer.ts'
import { createdAt, expectedAnswer, formatCall, type Line, readLines } from './support.ts'

describe('the lines of an answer', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('text'), text: fc.string() }),
    fc.record({ do: fc.constant('thinking'), text: fc.string({ unit: 'binary' }) }),
    fc.record({ do: fc.constant('refusal'), text: fc.string() }),
    fc.record({
      do: fc.constant('call'),
      text: fc.constantFrom('{}', '{"a":[1]}', '{"a":', 'null', '[', ''),
    }),
    fc.record({ do: fc.constantFrom('stop', 'done', 'fail', 'usage'), text: fc.constant('') }),
  )

  const perform = (builder: AnswerBuilder, { do: action, text }: { do: string; text: string }) => {
    if (action === 'text') builder.text(text)
    else if (action === 'thinking') builder.thinking(text)
    else if (action === 'refusal') builder.refusal(text)
    else if (action === 'call') builder.wholeCall({ function: { name: 'f', arguments: text } })
    else if (action === 'stop') builder.stop('end')
    else if (action === 'done') builder.done()
    else if (action === 'fail') builder.fail({ statusCode: 502, message: 'gone' })
    else builder.usage({ promptTokens: 1, completionTokens: 1, cachedTokens: 0, cacheWriteTokens: 0 })
  }

  for (const operation of ['chat', 'generate'] as const) {
    it(`of /api/${operation} keep its grammar whatever an endpoint does`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
          const write = operation === 'chat' ? ollamaChatWriter : ollamaGenerateWriter
          const writer = write(formatCall())
          const builder = new AnswerBuilder(writer, expectedAnswer())
          builder.start({})
          for (const each of steps) if (builder.outcome === undefined) perform(builder, each)
          builder.end()
          const all = readLines(writer.take())
          assert.ok(all.length > 0)
          for (const line of all) checkLine(line, operation, line === all.at(-1))
        }),
      )
    })
  }
})

function checkLine(line: Line, operation: 'chat' | 'generate', isLast: boolean): void {
  if ('error' in line) {
    assert.ok(isLast)
    assert.equal(typeof line.error, 'string')
    return
  }
  assert.equal(line.model, 'asked')
  assert.equal(line.created_at, createdAt)
  assert.equal(line.done, isLast)
  if (operation === 'generate') assert.equal(typeof line.response, 'string')
  else {
    const message = line.message as Record<string, unknown>
    assert.equal(message.role, 'assistant')
    assert.equal(typeof message.content, 'string')
    for (const call of (message.tool_calls ?? []) as { function: { name: string; arguments: object } }[]) {
      assert.deepEqual(Object.keys(call), ['function'])
      assert.equal(call.function.name, 'f')
      assert.equal(typeof call.function.arguments, 'object')
    }
  }
  if (!isLast) return
  assert.ok(line.done_reason === 'stop' || line.done_reason === 'length')
  for (const name of ['total_duration', 'prompt_eval_duration', 'eval_duration']) {
    assert.ok(Number.isSafeInteger(line[name]) && Number(line[name]) > 0, name)
  }
}
