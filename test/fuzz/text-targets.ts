import assert from 'node:assert/strict'
import { formatDuration, parseBytes, parseDuration } from '../../src/config/file/decode.ts'
import { readDocument } from '../../src/config/file/document.ts'
import { ProblemsError } from '../../src/config/schema/diagnostics.ts'
import { readMessagesRequest } from '../../src/dialects/anthropic/messages/request/messages-request.ts'
import { readMessages } from '../../src/dialects/anthropic/messages/request/read-request.ts'
import { writeChatRequest } from '../../src/dialects/openai/chat/request/write-request.ts'
import { chat } from '../../src/dialects/openai/chat.ts'
import { StreamMeter } from '../../src/dialects/usage/stream-meter.ts'
import { UsageReader } from '../../src/dialects/usage/usage-reader.ts'
import { planUsage, usageNames } from '../../src/endpoints/profiles/usage-fields.ts'
import { findField } from '../../src/http/body/form-fields.ts'
import { MultipartScanner } from '../../src/http/body/multipart.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { scanBody } from '../../src/kernel/json/body-scan.ts'
import { SseReader } from '../../src/kernel/stream/sse-reader.ts'
import {
  expectedAnswer,
  plainTraits,
  translateAnswer,
} from '../dialects/translate/messages-to-chat/support.ts'
import { FakeClock } from '../support/fake-clock.ts'
import type { FuzzTarget } from './target.ts'

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function eventsOf(pieces: readonly Buffer[]): string[] {
  const events: string[] = []
  const reader = new SseReader((data, name) => void events.push(`${name}:${data.toString('latin1')}`))
  for (const piece of pieces) reader.push(Buffer.from(piece))
  reader.end()
  return events
}

const plan = planUsage([chat.usage.standard])

function usageOf(pieces: readonly Buffer[]): (number | undefined)[] {
  const usage = new UsageReader(plan)
  const sources = { clock: new FakeClock(), startedMs: 0, usage, gaps: { gap() {} } }
  const meter = new StreamMeter('sse', chat, sources)
  for (const piece of pieces) meter.push(Buffer.from(piece))
  meter.end()
  return [...usageNames.map((name) => usage.get(name)), meter.events]
}

function formOf(pieces: readonly Buffer[]) {
  const scanner = new MultipartScanner('multipart/form-data; boundary=x', 'model')
  for (const piece of pieces) scanner.push(Buffer.from(piece))
  return { value: scanner.value, span: scanner.span }
}

function messagesOf(pieces: readonly Buffer[]): string {
  const translation = translateAnswer('stream', 'stream', expectedAnswer())
  const parts = pieces.map((piece) => translation.push(Buffer.from(piece)))
  const text = Buffer.concat([...parts, translation.end()]).toString()
  // An answer that is none is quoted as far as it has come.
  return text.replace(/("type":"\w+_error","message":)"(?:[^"\\]|\\.)*"/g, '$1""')
}

export const textTargets: readonly FuzzTarget[] = [
  {
    name: 'body-scan',
    invariant: 'finds the model that a parser finds, or says that there are two',
    check(bytes) {
      const scanned = scanBody(bytes)
      const value = parsed(bytes.toString())
      if (scanned === undefined) {
        assert.ok(
          typeof value !== 'object' || value === null || Array.isArray(value),
          'an object that is not scanned',
        )
        return false
      }
      if (typeof value !== 'object' || value === null || !('model' in value)) return false
      if (typeof value.model === 'string' && value.model.length < 200 && !scanned.isModelAmbiguous)
        assert.equal(scanned.model, value.model)
      return true
    },
  },
  {
    name: 'sse',
    invariant: 'reads the same events wherever the stream is cut',
    check(bytes, pieces) {
      const whole = eventsOf([bytes])
      assert.deepEqual(eventsOf(pieces), whole)
      return whole.length > 0
    },
  },
  {
    name: 'usage',
    invariant: 'reads the same finite numbers wherever the stream is cut',
    check(bytes, pieces) {
      const whole = usageOf([bytes])
      assert.deepEqual(usageOf(pieces), whole)
      for (const number of whole) assert.ok(number === undefined || Number.isFinite(number))
      return whole.some((number) => (number ?? 0) > 0)
    },
  },
  {
    name: 'multipart',
    invariant: 'finds the same field in the same place wherever the form is cut',
    check(bytes, pieces) {
      const whole = formOf([bytes])
      assert.deepEqual(formOf(pieces), whole)
      const { span } = whole
      if (span !== undefined) assert.ok(span.start <= span.end && span.end <= bytes.length)
      return whole.value !== undefined
    },
  },
  {
    name: 'form',
    invariant: 'finds a field where the platform’s own reader has one',
    check(bytes) {
      const found = findField(bytes, 'model')
      const values = new URLSearchParams(bytes.toString()).getAll('model')
      assert.equal(
        found !== undefined,
        values.some((value) => value.trim() !== ''),
      )
      return found !== undefined
    },
  },
  {
    name: 'yaml',
    invariant: 'throws nothing but problems with their places',
    check(bytes) {
      try {
        readDocument(bytes.toString(), {})
        return true
      } catch (error) {
        assert.ok(error instanceof ProblemsError, `not its own error: ${error}`)
        return false
      }
    },
  },
  {
    name: 'units',
    invariant: 'reads numbers or nothing, and durations as it writes them',
    check(bytes) {
      const text = bytes.toString()
      const ms = parseDuration(text)
      const size = parseBytes(text)
      assert.ok(!Number.isNaN(ms) && !Number.isNaN(size))
      if (ms !== undefined && Number.isSafeInteger(ms) && Math.abs(ms) < 1e12)
        assert.equal(parseDuration(formatDuration(ms)), ms === 0 ? 0 : ms)
      return ms !== undefined || size !== undefined
    },
  },
  {
    name: 'messages-request',
    invariant: 'refuses with errors for clients only, and writes no more than four times what it got',
    check(bytes) {
      try {
        const conversation = readMessages(readMessagesRequest(bytes))
        const { body } = writeChatRequest(conversation, { model: 'm', traits: plainTraits })
        const written = JSON.stringify(body)
        assert.ok(written.length <= 4 * bytes.length + 4_096, `${bytes.length} became ${written.length}`)
        return true
      } catch (error) {
        assert.ok(error instanceof GatewayError && error.statusCode < 500, `not its own error: ${error}`)
        return false
      }
    },
  },
  {
    name: 'chat-answer',
    invariant: 'is translated alike wherever it is cut, to a bounded multiple',
    check(bytes, pieces) {
      const whole = messagesOf([bytes])
      assert.equal(messagesOf(pieces), whole)
      assert.ok(whole.length <= 40 * bytes.length + 4_096, `${bytes.length} became ${whole.length}`)
      return whole.includes('message_stop')
    },
  },
]
