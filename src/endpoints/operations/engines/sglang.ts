import type { EngineApi } from '../contract/operation.ts'
import { loadAdapter, unloadAdapter } from './vllm.ts'

const noAdapters = 'SGLang has these routes only with --enable-lora'

/** https://docs.sglang.ai: advanced_features/lora. Its routes are not below `/v1`. */
export const sglang: EngineApi = {
  operations: {
    load_adapter: loadAdapter('/load_lora_adapter', noAdapters),
    unload_adapter: unloadAdapter('/unload_lora_adapter', noAdapters),
  },
}
