import type { TestContext } from 'node:test'
import { startGateway } from './gateway.ts'
import { withSimulator } from './simulator.ts'

export async function fleet(t: TestContext, sections: Record<string, Record<string, unknown>> = {}) {
  const ollama = await withSimulator(t, {
    kind: 'ollama',
    name: 'ollama',
    models: ['llama3.2:3b', 'nomic-embed-text'],
  })
  const vllm = await withSimulator(t, {
    kind: 'vllm',
    name: 'vllm',
    models: ['Org/Mistral-7B-Instruct', 'llama3.2:3b'],
  })
  const lmstudio = await withSimulator(t, {
    kind: 'lm-studio',
    name: 'lms',
    models: ['llama3.2:3b', 'llava-vision'],
  })
  const gateway = await startGateway(
    t,
    [
      { url: ollama.url, name: 'box', type: 'ollama' },
      { url: vllm.url, name: 'gpu', type: 'vllm' },
      { url: lmstudio.url, name: 'desk', type: 'lm-studio' },
    ],
    sections,
  )
  return { gateway, ollama, vllm, lmstudio }
}

export const get = async (url: string) => {
  const response = await fetch(url)
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, never>,
  }
}
export const idsOf = (body: Record<string, unknown>) =>
  ((body.data ?? body.models) as { id?: string; name?: string }[]).map(({ id, name }) => id ?? name)
