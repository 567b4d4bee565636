import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startDemoFleet } from '../../simulator/fleet.ts'

test('the demo fleet has four kinds, one model on all and others on some', async (t) => {
  const fleet = await startDemoFleet()
  t.after(() => fleet.close())
  assert.deepEqual(
    fleet.endpoints.map(({ type }) => type),
    ['ollama', 'vllm', 'lm-studio', 'llamacpp'],
  )
  const holders = new Map<string, string[]>()
  for (const { name, url } of fleet.endpoints) {
    const { data } = JSON.parse(await (await fetch(`${url}/v1/models`)).text())
    for (const { id } of data) holders.set(id, [...(holders.get(id) ?? []), name])
  }
  assert.equal(holders.get('llama3.2:3b')?.length, 4)
  assert.deepEqual(holders.get('qwen2.5-coder:7b'), ['ollama', 'lm-studio'])
  assert.deepEqual(holders.get('nomic-embed-text'), ['ollama', 'llamacpp'])
  assert.deepEqual(holders.get('mistral-small'), ['vllm'])
})
