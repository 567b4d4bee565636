import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { answerFormNamed } from '../../../src/dialects/answers/form-finder.ts'
import { StreamMeter } from '../../../src/dialects/usage/stream-meter.ts'
import { UsageReader } from '../../../src/dialects/usage/usage-reader.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { unknownUsage } from '../../../src/endpoints/profiles/profile-usage.ts'
import { type UsageName, usageNames } from '../../../src/endpoints/profiles/usage-fields.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import type { StreamFraming } from '../../../src/kernel/stream/framing.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import * as recordings from './recordings.ts'

const profiles = new ProfileStore({ builtIn: profilesFolder })

interface Case {
  readonly name: string
  readonly text: string
  readonly profile?: string
  readonly framing?: StreamFraming
  readonly form?: string
  readonly events: number
  readonly usage: Partial<Record<UsageName, number>>
}

const cases: readonly Case[] = [
  {
    name: 'vLLM',
    text: recordings.vllmChat,
    profile: 'vllm',
    events: 3,
    usage: { promptTokens: 21, completionTokens: 3, cachedTokens: 16 },
  },
  {
    name: 'OpenAI with a null in every event',
    text: recordings.openAiChat,
    events: 3,
    usage: { promptTokens: 21, completionTokens: 3, cachedTokens: 0 },
  },
  {
    name: 'JSON with spaces, comments and CRLF',
    text: recordings.spacedChat,
    profile: 'lmdeploy',
    events: 2,
    usage: { promptTokens: 5, completionTokens: 2 },
  },
  {
    name: 'lines that end in CR',
    text: recordings.vllmChat.replaceAll('\n', '\r'),
    profile: 'vllm',
    events: 3,
    usage: { promptTokens: 21, completionTokens: 3, cachedTokens: 16 },
  },
  {
    name: 'a zero beside the last content',
    text: 'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":0,"completion_tokens":0}}\n\ndata: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7}}\n\ndata: [DONE]\n\n',
    events: 1,
    usage: { promptTokens: 11, completionTokens: 7 },
  },
  {
    name: 'running usage with every chunk',
    text: 'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":11,"completion_tokens":1}}\n\ndata: {"choices":[{"delta":{"content":"b"}}],"usage":{"prompt_tokens":11,"completion_tokens":2}}\n\ndata: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":3}}\n\n',
    events: 2,
    usage: { promptTokens: 11, completionTokens: 3 },
  },
  {
    name: 'zeros and null after the numbers',
    text: 'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7}}\n\ndata: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":0,"completion_tokens":0}}\n\ndata: {"choices":[],"usage":null}\n\n',
    events: 1,
    usage: { promptTokens: 11, completionTokens: 7 },
  },
  {
    name: 'reasoning and tool calls',
    text: recordings.toolCallChat,
    profile: 'sglang',
    events: 3,
    usage: { promptTokens: 21, completionTokens: 3 },
  },
  {
    name: 'llama.cpp by its timings',
    text: recordings.llamaCppChat,
    profile: 'llamacpp',
    events: 2,
    usage: { promptTokens: 112, completionTokens: 2, cachedTokens: 100, promptMs: 60.5, generationMs: 40 },
  },
  {
    name: 'llama.cpp’s own route',
    text: recordings.llamaCppCompletion,
    profile: 'llamacpp',
    events: 2,
    usage: { promptTokens: 4, completionTokens: 2, promptMs: 10, generationMs: 20 },
  },
  {
    name: 'usage in an event that has text',
    text: recordings.usageBesideText,
    events: 2,
    usage: { promptTokens: 21, completionTokens: 3, cachedTokens: 4 },
  },
  {
    name: 'text completions',
    text: recordings.textCompletion,
    events: 2,
    usage: { promptTokens: 21, completionTokens: 3 },
  },
  {
    name: 'the Responses API',
    text: recordings.responses,
    form: 'responses',
    events: 2,
    usage: { promptTokens: 30, completionTokens: 2, cachedTokens: 20 },
  },
  {
    name: 'Anthropic, tokens of caches included',
    text: recordings.anthropic,
    form: 'messages',
    events: 3,
    usage: { promptTokens: 100, completionTokens: 15, cachedTokens: 85 },
  },
  {
    name: 'Ollama',
    text: recordings.ollamaChat,
    profile: 'ollama',
    framing: 'ndjson',
    form: 'ollama',
    events: 3,
    usage: { promptTokens: 26, completionTokens: 4, loadMs: 1_500, promptMs: 250, generationMs: 200 },
  },
  {
    name: 'Ollama with a long context in its last line',
    text: recordings.ollamaGenerate,
    profile: 'ollama',
    framing: 'ndjson',
    form: 'ollama',
    events: 2,
    usage: { promptTokens: 26, completionTokens: 4, loadMs: 1_500, promptMs: 250, generationMs: 200 },
  },
]

function meterFor({ profile, framing = 'sse', form: name = 'chat' }: Partial<Case>) {
  const clock = new FakeClock()
  const known = profile === undefined ? undefined : profiles.get(profile)?.usage
  const form = answerFormNamed(name)
  const usage = new UsageReader((known ?? unknownUsage).plan(form.usage.section, form.usage.standard))
  const gaps: [number, number][] = []
  const meter = new StreamMeter(framing, form, {
    clock,
    startedMs: clock.monotonicMs(),
    usage,
    gaps: { gap: (eachMs, count) => gaps.push([eachMs, count]) },
  })
  return { clock, meter, usage, gaps }
}

function numbersIn(usage: UsageReader): Record<string, number> {
  const found = usageNames.map((name) => [name, usage.get(name)] as const)
  return Object.fromEntries(found.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

describe('StreamMeter', () => {
  for (const each of cases) {
    it(`reads ${each.name}`, () => {
      const { meter, usage } = meterFor(each)
      meter.push(Buffer.from(each.text))
      meter.end()
      assert.equal(meter.events, each.events)
      assert.deepEqual(numbersIn(usage), each.usage)
    })
  }

  it('reads the same for any chunk boundaries', () => {
    const short = cases.filter(({ text }) => text.length < 5_000)
    fc.assert(
      fc.property(fc.constantFrom(...short), fc.array(fc.nat(5_000), { maxLength: 40 }), (each, cuts) => {
        const { meter, usage } = meterFor(each)
        const bytes = Buffer.from(each.text)
        let from = 0
        for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
          meter.push(bytes.subarray(from, cut))
          from = Math.min(cut, bytes.length)
        }
        meter.end()
        assert.equal(meter.events, each.events)
        assert.deepEqual(numbersIn(usage), each.usage)
      }),
    )
  })

  it('reads the same byte by byte', () => {
    for (const each of cases) {
      const { meter, usage } = meterFor(each)
      const bytes = Buffer.from(each.text)
      for (let at = 0; at < bytes.length; at++) meter.push(bytes.subarray(at, at + 1))
      meter.end()
      assert.equal(meter.events, each.events, each.name)
      assert.deepEqual(numbersIn(usage), each.usage, each.name)
    }
  })

  it('measures the time to the first token and the gaps after it', async () => {
    const { clock, meter, gaps } = meterFor({})
    const [role = '', ...rest] = recordings.vllmChat.split(/(?<=\n\n)/)
    await clock.advance(40)
    meter.push(Buffer.from(role))
    assert.equal(meter.firstMs, undefined)
    for (const event of rest) {
      await clock.advance(10)
      meter.push(Buffer.from(event))
    }
    meter.end()
    assert.equal(meter.firstMs, 50)
    assert.equal(meter.spanMs, 20)
    assert.equal(meter.maxGapMs, 10)
    assert.deepEqual(gaps, [
      [10, 1],
      [10, 1],
    ])
  })

  it('divides a gap among the tokens of one chunk, and keeps the longest gap undivided', async () => {
    const { clock, meter, gaps } = meterFor({})
    const token = Buffer.from('data: {"choices":[{"delta":{"content":"a"}}]}\n\n')
    meter.push(token)
    await clock.advance(30)
    meter.push(Buffer.concat([token, token, token]))
    assert.deepEqual(gaps, [[10, 3]])
    assert.equal(meter.maxGapMs, 30)
    assert.equal(meter.events, 4)
  })

  it('reports no gap for a single token', () => {
    const { meter, gaps } = meterFor({})
    meter.push(Buffer.from('data: {"choices":[{"delta":{"content":"a"}}]}\n\n'))
    meter.end()
    assert.deepEqual([meter.spanMs, meter.maxGapMs, gaps.length], [undefined, undefined, 0])
  })

  it('does not count an unfinished event as a token, but reads the usage at its end', () => {
    const { meter, usage } = meterFor({})
    const chunk = Buffer.alloc(100_000, 'x')
    meter.push(Buffer.from('data: {"choices":[{"delta":{"content":"'))
    for (let count = 0; count < 50; count++) meter.push(chunk)
    meter.push(Buffer.from('"}}],"usage":{"prompt_tokens":3}}\n\n'))
    meter.end()
    assert.equal(meter.events, 0)
    assert.deepEqual(numbersIn(usage), { promptTokens: 3 })
  })
})
