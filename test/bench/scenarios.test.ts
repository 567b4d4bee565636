import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chatBody, defaultModel, loadOptions, scenarios } from '../../bench/scenarios.ts'

describe('benchmark scenarios', () => {
  for (const scenario of scenarios) {
    it(`${scenario.name} sends a chat request of its size`, () => {
      const isStream = scenario.events !== undefined
      const body = chatBody(scenario.bodyBytes, isStream)
      const parsed = JSON.parse(body) as { model: string; stream?: boolean; stream_options?: object }
      assert.equal(parsed.model, defaultModel)
      assert.equal(parsed.stream ?? false, isStream)
      assert.deepEqual(parsed.stream_options, isStream ? { include_usage: true } : undefined)
      const excess = Buffer.byteLength(body) - scenario.bodyBytes
      assert.ok(excess >= 0 && excess < 200, `${excess} bytes more than declared`)
    })
  }

  it('have names that can be requested', () => {
    const names = scenarios.map(({ name }) => name)
    assert.equal(new Set(names).size, names.length)
    for (const name of names) assert.match(name, /^[a-z0-9-]+$/)
  })

  it('spread the starts of paced streams over their length, and their events over an interval', () => {
    const paced = scenarios.find(({ name }) => name === 'sse-5ms')
    assert.ok(paced)
    const { path, staggerMicros = 0 } = loadOptions(paced, false)
    assert.equal(path, '/v1/chat/completions?events=50&interval_us=5000')
    const starts = Array.from({ length: 64 }, (_, stream) => stream * staggerMicros)
    assert.ok((starts.at(-1) ?? 0) > 230_000)
    assert.ok((starts.at(-1) ?? 0) < 250_000)
    assert.equal(new Set(starts.map((start) => start % 5_000)).size, 64)
  })

  it('send requests one after the other unless they have a rate', () => {
    const latency = scenarios.find(({ name }) => name === 'latency')
    const chat = scenarios.find(({ name }) => name === 'chat-16')
    assert.ok(latency && chat)
    assert.equal(loadOptions(latency, false).rate, 500)
    assert.equal(loadOptions(chat, false).rate, undefined)
    assert.ok(loadOptions(chat, true).milliseconds < loadOptions(chat, false).milliseconds)
  })
})
