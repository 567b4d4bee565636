import { errorIn } from '../contract/error-text.ts'
import { type EngineApi, type EngineCalls, OperationError, type RunOperation } from '../contract/operation.ts'

const noSleep = 'vLLM has these routes only with --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1'
const noAdapters = 'vLLM has these routes only with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True'

/** https://docs.vllm.ai: features/sleep_mode, features/lora. */
export const vllm: EngineApi = {
  operations: {
    async sleep(calls, { level = 1 }) {
      if (await isAsleep(calls)) return 'was asleep'
      await orExplained(calls, `/sleep?level=${level}`, undefined, noSleep)
      return `asleep, level ${level}`
    },
    async wake(calls) {
      if ((await isAsleep(calls)) === false) return 'was awake'
      await orExplained(calls, '/wake_up', undefined, noSleep)
      return 'awake'
    },
    load_adapter: loadAdapter('/v1/load_lora_adapter', noAdapters),
    unload_adapter: unloadAdapter('/v1/unload_lora_adapter', noAdapters),
  },
}

/** @param explanation why a server may lack the route */
export function loadAdapter(route: string, explanation: string): RunOperation {
  return async (calls, { adapter = '', path = '' }) => {
    await orExplained(calls, route, { lora_name: adapter, lora_path: path }, explanation)
    return 'loaded'
  }
}

export function unloadAdapter(route: string, explanation: string): RunOperation {
  return async (calls, { adapter = '' }) => {
    await orExplained(calls, route, { lora_name: adapter }, explanation)
    return 'unloaded'
  }
}

/** @returns undefined if the server does not say */
async function isAsleep(calls: EngineCalls): Promise<boolean | undefined> {
  const { status, json } = await calls.send('GET', '/is_sleeping')
  return status === 200 && typeof json.is_sleeping === 'boolean' ? json.is_sleeping : undefined
}

/** A missing route means that the server was started without the feature. */
async function orExplained(
  calls: EngineCalls,
  path: string,
  body: object | undefined,
  explanation: string,
): Promise<void> {
  const { status, json, text } = await calls.send('POST', path, body)
  const isMissing = status === 405 || (status === 404 && (json.detail === 'Not Found' || text === ''))
  if (isMissing) throw new OperationError(explanation)
  if (status >= 300) throw new OperationError(errorIn(status, json))
}
