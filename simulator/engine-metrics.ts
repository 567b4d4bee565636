import { type Exchange, info } from './route.ts'

export const llamaSlots = 4
const vllmSeats = 256
const otherSeats = 128

interface Load {
  readonly running: number
  readonly waiting: number
  /** Used part of the KV cache: each request takes a part of it. */
  readonly cache: number
  readonly model: string
}

/** The metrics pages of engines, with the load that the simulator has. */
export const engineMetrics = {
  vllm: page(vllmSeats, ({ running, waiting, cache, model }) => {
    const labels = `{engine="0",model_name="${model}"}`
    return [
      '# HELP vllm:num_requests_running Number of requests in model execution batches.',
      '# TYPE vllm:num_requests_running gauge',
      `vllm:num_requests_running${labels} ${running}.0`,
      '# HELP vllm:num_requests_waiting Number of requests waiting to be processed.',
      '# TYPE vllm:num_requests_waiting gauge',
      `vllm:num_requests_waiting${labels} ${waiting}.0`,
      '# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.',
      '# TYPE vllm:kv_cache_usage_perc gauge',
      `vllm:kv_cache_usage_perc${labels} ${cache}`,
    ]
  }),
  sglang: page(otherSeats, ({ running, waiting, cache, model }) => {
    const labels = `{engine_type="unified",model_name="${model}",pp_rank="0",tp_rank="0"}`
    return [
      '# HELP sglang:num_running_reqs The number of running requests.',
      '# TYPE sglang:num_running_reqs gauge',
      `sglang:num_running_reqs${labels} ${running}.0`,
      '# HELP sglang:token_usage The token usage.',
      '# TYPE sglang:token_usage gauge',
      `sglang:token_usage${labels} ${cache}`,
      '# HELP sglang:num_queue_reqs The number of requests in the waiting queue.',
      '# TYPE sglang:num_queue_reqs gauge',
      `sglang:num_queue_reqs${labels} ${waiting}.0`,
    ]
  }),
  llamacpp: page(llamaSlots, ({ running, waiting }) => [
    '# HELP llamacpp:requests_processing Number of requests processing.',
    '# TYPE llamacpp:requests_processing gauge',
    `llamacpp:requests_processing ${running}`,
    '# HELP llamacpp:requests_deferred Number of requests deferred.',
    '# TYPE llamacpp:requests_deferred gauge',
    `llamacpp:requests_deferred ${waiting}`,
  ]),
  lmdeploy: page(otherSeats, ({ running, waiting, cache, model }) => {
    const labels = `{engine="0",model_name="${model}"}`
    return [
      '# TYPE lmdeploy:num_requests_running gauge',
      `lmdeploy:num_requests_running${labels} ${running}.0`,
      '# TYPE lmdeploy:num_requests_waiting gauge',
      `lmdeploy:num_requests_waiting${labels} ${waiting}.0`,
      '# TYPE lmdeploy:gpu_cache_usage_perc gauge',
      `lmdeploy:gpu_cache_usage_perc${labels} ${cache}`,
    ]
  }),
}

export function llamaSlotList({ state, answer }: Exchange): void {
  const { running } = loadOf({ state }, llamaSlots)
  answer.json(Array.from({ length: llamaSlots }, (_, id) => ({ id, is_processing: id < running })))
}

function page(seats: number, lines: (load: Load) => readonly string[]) {
  return info(({ state, answer }) => {
    answer.text(`${lines(loadOf({ state }, seats)).join('\n')}\n`, 'text/plain; version=0.0.4; charset=utf-8')
  })
}

function loadOf({ state }: Pick<Exchange, 'state'>, seats: number): Load {
  const generating = state.generating()
  const running = Math.min(generating, seats)
  return {
    running,
    waiting: generating - running,
    cache: running / seats,
    model: state.models[0]?.name ?? '',
  }
}
