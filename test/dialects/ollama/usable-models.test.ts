import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fleetVersion, usableByOllamaClients } from '../../../src/dialects/ollama/usable-models.ts'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import { listedModels } from '../lists/listed-models.ts'

describe('the version of a fleet for Ollama’s clients', () => {
  for (const [versions, expected] of [
    [[], '0.13.4'],
    [[undefined], '0.13.4'],
    [['0.0.0'], '0.13.4'],
    [['unknown'], '0.13.4'],
    [['0.14.1'], '0.14.1'],
    [['0.14.1', '0.9.2', undefined, '0.0.0'], '0.9.2'],
    [['0.10.0', '0.9.10'], '0.9.10'],
    [['v0.14.1-rc2'], '0.14.1'],
    [['0.15'], '0.15.0'],
  ] as const) {
    it(`is ${expected} for ${JSON.stringify(versions)}`, () => assert.equal(fleetVersion(versions), expected))
  }

  // aweussom/NoLlama#9, openai/codex#8227
  it('is three bare numbers, and at least the minimum of VS Code and Codex without an Ollama endpoint', () => {
    const [major = 0, minor = 0, patch = 0] = fleetVersion([]).split('.').map(Number)
    assert.match(fleetVersion(['v1.2.3+build']), /^\d+\.\d+\.\d+$/)
    assert.ok(major * 1e6 + minor * 1e3 + patch >= 13_004)
  })
})

describe('the models that Ollama’s clients can use', () => {
  const models = listedModels()
  const speaks = ({ name }: Endpoint, path: string) => name === 'box' && path === '/api/chat'
  const shown = (list: ReturnType<typeof usableByOllamaClients>) =>
    list.map(({ id, sources }) => [id, sources.map(({ endpoint }) => endpoint.name)])

  it('are those of endpoints with a route of its API', () => {
    assert.deepEqual(shown(usableByOllamaClients(models, speaks)), [['llama3.2:3b', ['box']]])
  })

  it('are all if the gateway translates for every endpoint', () => {
    assert.deepEqual(shown(usableByOllamaClients(models, () => true)), [
      ['Qwen/Qwen2.5-VL-7B-Instruct', ['gpu']],
      ['llama3.2:3b', ['box', 'desk']],
    ])
  })
})
