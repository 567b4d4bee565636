// Engines after published figures; docs/fleet-simulation.md names the sources.

import type { EngineSpec, ModelSpec } from './engine.ts'

const gb = (name: string, sizeGb: number): ModelSpec => ({ name, sizeGb })

const homeModels = {
  tiny: gb('tiny-3b', 2),
  small: gb('chat-8b', 5),
  code: gb('code-7b', 5),
  vision: gb('vision-8b', 6),
  middle: gb('chat-14b', 9),
  large: gb('code-32b', 20),
  mixture: gb('mixture-30b', 18),
  huge: gb('chat-70b', 42),
}

/** One 24 GB card, one Mac, one CPU box; eight models, not each on each. */
const home: readonly EngineSpec[] = [
  {
    name: 'card-24gb',
    prefillTokensPerSecond: 4_500,
    stepMs: 8.5,
    stepPerAnswerMs: 0.5,
    maxRunning: 4,
    maxConcurrent: 4,
    kvTokens: 64_000,
    cacheTokens: 32_000,
    memoryGb: 24,
    loadGbPerSecond: 2.5,
    models: Object.values(homeModels).filter(({ sizeGb }) => sizeGb <= 20),
  },
  {
    name: 'mac-64gb',
    prefillTokensPerSecond: 700,
    stepMs: 16,
    stepPerAnswerMs: 3,
    maxRunning: 2,
    maxConcurrent: 2,
    kvTokens: 64_000,
    cacheTokens: 32_000,
    memoryGb: 48,
    loadGbPerSecond: 4,
    models: Object.values(homeModels),
  },
  {
    name: 'cpu-box',
    prefillTokensPerSecond: 60,
    stepMs: 110,
    stepPerAnswerMs: 30,
    maxRunning: 1,
    maxConcurrent: 1,
    kvTokens: 16_000,
    cacheTokens: 8_000,
    memoryGb: 24,
    loadGbPerSecond: 1.5,
    models: [homeModels.tiny, homeModels.small, homeModels.code],
  },
]

const teamModel = gb('code-14b', 9)

function card(name: string, prefill: number, stepMs: number, kvTokens: number): EngineSpec {
  return {
    name,
    prefillTokensPerSecond: prefill,
    stepMs,
    stepPerAnswerMs: stepMs / 40,
    maxRunning: 32,
    maxConcurrent: 8,
    kvTokens,
    cacheTokens: kvTokens,
    memoryGb: 24,
    loadGbPerSecond: 3,
    models: [teamModel],
  }
}

/** Six mixed cards that serve one model. Rates are those of a model of 5 GB. */
const team: readonly EngineSpec[] = [
  card('rtx4090-a', 9_000, 7, 60_000),
  card('rtx4090-b', 9_000, 7, 60_000),
  card('rtx3090-a', 4_500, 8.5, 60_000),
  card('rtx3090-b', 4_500, 8.5, 60_000),
  card('l40s', 10_000, 8, 200_000),
  card('a4000', 2_500, 14, 40_000),
]

const clusterModel = gb('chat-8b', 5)

/** 64 equal servers with vLLM. */
const cluster: readonly EngineSpec[] = Array.from({ length: 64 }, (_, at) => ({
  name: `vllm-${String(at).padStart(2, '0')}`,
  prefillTokensPerSecond: 12_000,
  stepMs: 9,
  stepPerAnswerMs: 0.12,
  maxRunning: 128,
  maxConcurrent: 64,
  kvTokens: 450_000,
  cacheTokens: 350_000,
  memoryGb: 80,
  loadGbPerSecond: 5,
  models: [clusterModel],
}))

export const fleets = { home, team, cluster } as const
export type FleetName = keyof typeof fleets
