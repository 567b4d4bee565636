import type { OperationsApi } from '../../profiles/profile.ts'
import type { Endpoint } from '../../registry/endpoint.ts'
import type { EngineApi } from '../contract/operation.ts'
import { llamacpp } from './llamacpp.ts'
import { lmStudio } from './lm-studio.ts'
import { ollama } from './ollama.ts'
import { sglang } from './sglang.ts'
import { vllm } from './vllm.ts'

/** The engines whose model operations the gateway knows, as profiles name them (`api.operations`). */
export const engineApis: Readonly<Record<OperationsApi, EngineApi>> = {
  ollama,
  'lm-studio': lmStudio,
  llamacpp,
  vllm,
  sglang,
}

/** @returns undefined if the endpoint's type is not known yet, or has no operations */
export function engineOf({ profile }: Pick<Endpoint, 'profile'>): EngineApi | undefined {
  return profile?.operations === undefined ? undefined : engineApis[profile.operations]
}
