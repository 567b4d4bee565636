import type { SimulatedModel, SimulatorKind, SimulatorOptions } from './model.ts'
import { type Simulator, startSimulator } from './server.ts'

export interface DemoFleet {
  /** In the shape of `discovery.static.endpoints` of a configuration. */
  readonly endpoints: readonly { name: string; url: string; type: SimulatorKind; priority: number }[]
  readonly simulators: readonly Simulator[]
  close(): Promise<void>
}

const llama: SimulatedModel = {
  name: 'llama3.2:3b',
  family: 'llama',
  parameterSize: '3.2B',
  contextLength: 131_072,
}
const coder: SimulatedModel = {
  name: 'qwen2.5-coder:7b',
  family: 'qwen2',
  parameterSize: '7.6B',
  contextLength: 32_768,
}
const mistral: SimulatedModel = {
  name: 'mistral-small',
  family: 'mistral',
  parameterSize: '24B',
  contextLength: 32_768,
}
const embedder: SimulatedModel = {
  name: 'nomic-embed-text',
  type: 'embeddings',
  family: 'nomic-bert',
  parameterSize: '137M',
}

/** One model on all servers, two on two servers, one on one server. */
const fleet: readonly SimulatorOptions[] = [
  {
    kind: 'ollama',
    name: 'ollama',
    models: [llama, coder, embedder],
    tokensPerSecond: 30,
    timeToFirstTokenMs: 150,
  },
  { kind: 'vllm', name: 'vllm', models: [llama, mistral], tokensPerSecond: 80, timeToFirstTokenMs: 60 },
  {
    kind: 'lm-studio',
    name: 'lm-studio',
    models: [llama, coder],
    tokensPerSecond: 25,
    timeToFirstTokenMs: 200,
  },
  {
    kind: 'llamacpp',
    name: 'llamacpp',
    models: [llama, embedder],
    tokensPerSecond: 40,
    timeToFirstTokenMs: 100,
  },
]

/** Equal for all, so that the load spreads over all servers that have a model. */
const priority = 100

/** The fleet behind `--demo`: four simulated servers on free loopback ports. */
export async function startDemoFleet(): Promise<DemoFleet> {
  const simulators = await Promise.all(fleet.map(startSimulator))
  return {
    simulators,
    endpoints: simulators.map(({ name, url, kind }) => ({ name, url, type: kind, priority })),
    async close() {
      await Promise.all(simulators.map((simulator) => simulator.close()))
    },
  }
}
