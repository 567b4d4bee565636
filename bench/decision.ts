// Times routing decisions inside a whole gateway, in a process of its own; prints JSON.
//   node bench/decision.ts CONFIG MODELS
// A decision leads from a request's model name to the endpoint.
import Fastify, { type FastifyInstance } from 'fastify'
import { loadConfig } from '../src/config/load.ts'
import gateway from '../src/gateway.ts'
import { scaleModel } from './scale-models.ts'
import { defaultModel } from './scenarios.ts'
import { percentile } from './statistics.ts'
import { pause } from './workbench.ts'

export interface DecisionTimes {
  /** Nanoseconds of one decision, for any of the models. */
  readonly anyModel: number
  /** The same for a model that all endpoints have. */
  readonly everywhere: number
}

const batches = 300
const perBatch = 200

const [file, modelText] = process.argv.slice(2)
const models = Number(modelText)
if (file === undefined || !(models > 0)) throw new Error('usage: decision.ts CONFIG MODELS')

const { config } = loadConfig({ file, env: {}, cwd: process.cwd(), knownTypes: ['vllm'] })
const app = Fastify()
let inside: FastifyInstance | undefined
app.addHook('onRequest', (request, _reply, done) => {
  // The gateway's decorators are visible in its own scope only, as in its routes.
  inside = request.server
  done()
})
await app.register(gateway, { config })
await app.ready()
await found(models + 1)
await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: { model: 'none' } })
console.log(JSON.stringify({ anyModel: timeOf(anyModel), everywhere: timeOf(() => defaultModel) }))
await app.close()

async function found(expected: number): Promise<void> {
  const deadlineMs = performance.now() + 60_000
  for (;;) {
    const { body } = await app.inject('/internal/status/models')
    if (Number(/"total_models":\s*(\d+)/.exec(body)?.[1]) >= expected) return
    if (performance.now() > deadlineMs) throw new Error('the models were not found in time')
    await pause(100)
  }
}

/** Spreads over all models, in the same order in every run. */
function anyModel(decision: number): string {
  return scaleModel((decision * 7919) % models)
}

/** The median of batches: the clock is too coarse for one decision. */
function timeOf(modelOf: (decision: number) => string): number {
  if (inside === undefined) throw new Error('the gateway has answered nothing')
  const { modelRouter, endpointSelector } = inside
  const nanos: number[] = []
  for (let batch = 0; batch < batches; batch++) {
    const names = Array.from({ length: perBatch }, (_, at) => modelOf(batch * perBatch + at))
    const startMs = performance.now()
    for (const model of names) {
      const { candidates } = modelRouter.route({ model, provider: undefined, path: '/v1/chat/completions' })
      if (endpointSelector.select(candidates, undefined) === undefined)
        throw new Error(`no place for ${model}`)
    }
    nanos.push(((performance.now() - startMs) * 1e6) / perBatch)
  }
  return percentile(nanos, 0.5)
}
