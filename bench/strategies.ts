// Times choosing an endpoint by each strategy that weighs load, in one process that takes turns: `npm run bench:strategies`.
//   --endpoints A,B    default 10,200,1000
//   --rounds N         default 60
// A decision leads from a request's model name to the endpoint. Reading the request is measured apart: strategies that do
// not need it do not do it.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import Fastify, { type FastifyInstance } from 'fastify'
import { parseConfig } from '../src/config/load.ts'
import type { StrategyName } from '../src/config/schema/strategy-names.ts'
import gateway from '../src/gateway.ts'
import type { Estimator } from '../src/routing/estimate/estimator.ts'
import type { RoutedEndpoint } from '../src/routing/models/routing.ts'
import type { RequestFeatures } from '../src/routing/selection/selector.ts'
import { percentile } from './statistics.ts'
import { formatNumber, formatRatio, renderTable } from './table.ts'
import { pause, wholeNumber } from './workbench.ts'

const { values } = parseArgs({
  options: {
    endpoints: { type: 'string', default: '10,200,1000' },
    rounds: { type: 'string', default: '60' },
  },
})
const rounds = wholeNumber('--rounds', values.rounds)
const model = 'm'
const path = '/v1/chat/completions'
const perRound = 300
const samplesEach = 8

/** A conversation of 20 turns, 40 KB. */
const messages = Array.from({ length: 40 }, (_, at) => ({
  role: at % 2 === 0 ? 'user' : 'assistant',
  content: `${at} ${'some words of a conversation '.repeat(34)}`,
}))
const body = Buffer.from(JSON.stringify({ model, messages, stream: true }))

const rows: string[][] = []
for (const count of values.endpoints.split(',').map((text) => wholeNumber('--endpoints', text))) {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify({ object: 'list', data: [{ id: model, object: 'model' }] }))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const plain = await started('least-connections', count, port)
  const estimating = await started('expected-latency', count, port)
  const estimator = estimating.inside.latencyEstimator.current
  if (estimator === undefined) throw new Error('nothing estimates')
  teach(estimator, candidatesOf(estimating.inside))
  const features = estimator.features.read(body, path, model)
  estimator.prefixes.add(estimator.features.read(shortened(), path, model), count - 1)
  const times: Record<string, number[]> = { plain: [], estimating: [], matching: [], reading: [] }
  for (let round = 0; round < rounds; round++) {
    times.plain?.push(timeOf(() => decide(plain.inside, undefined)))
    times.estimating?.push(timeOf(() => decide(estimating.inside, undefined)))
    times.matching?.push(timeOf(() => decide(estimating.inside, features)))
    times.reading?.push(timeOf(() => void estimator.features.read(body, path, model)))
  }
  const [least = 0, expected = 0, matching = 0, reading = 0] = Object.values(times).map((each) =>
    percentile(each, 0.5),
  )
  rows.push([
    String(count),
    formatNumber(least),
    formatNumber(expected),
    formatRatio(expected / least),
    formatNumber(matching),
    formatRatio(matching / least),
    formatNumber(reading),
  ])
  await plain.app.close()
  await estimating.app.close()
  server.close()
}
console.log(
  renderTable(
    [
      ...['endpoints', 'least-connections, ns', 'expected-latency, ns', 'ratio'],
      ...['with the prefixes of 40 messages, ns', 'ratio', 'reading 40 KB, ns'],
    ],
    rows,
  ),
)

async function started(
  strategy: StrategyName,
  count: number,
  port: number,
): Promise<{ app: FastifyInstance; inside: FastifyInstance }> {
  const endpoints = Array.from({ length: count }, (_, at) => ({
    url: `http://127.0.0.1:${port}/e${at}`,
    name: `e${at}`,
    type: 'vllm',
  }))
  const config = parseConfig({
    proxy: { load_balancer: strategy },
    discovery: { signals: { interval: '60s' }, static: { endpoints } },
    logging: { level: 'error' },
  })
  const app = Fastify()
  let inside: FastifyInstance | undefined
  app.addHook('onRequest', (request, _reply, done) => {
    // The gateway's decorators are visible in its own scope only, as in its routes.
    inside = request.server
    done()
  })
  await app.register(gateway, { config })
  await app.ready()
  const deadlineMs = performance.now() + 60_000
  for (;;) {
    await app.inject({ method: 'POST', url: path, payload: { model: 'none' } })
    if (inside !== undefined && candidatesOf(inside).length === count) return { app, inside }
    if (performance.now() > deadlineMs) throw new Error('the models were not found in time')
    await pause(100)
  }
}

function candidatesOf({ modelRouter }: FastifyInstance): readonly RoutedEndpoint[] {
  return modelRouter.route({ model, provider: undefined, path }).candidates
}

function decide(inside: FastifyInstance, features: RequestFeatures | undefined): void {
  if (inside.endpointSelector.select(candidatesOf(inside), undefined, features) === undefined)
    throw new Error('no endpoint can take the request')
}

function teach(estimator: Estimator, candidates: readonly RoutedEndpoint[]): void {
  for (const candidate of candidates) {
    for (let at = 0; at < samplesEach; at++) {
      const tokens = 500 * at
      estimator.rates.learn(candidate, {
        ...{ promptTokens: tokens, uncachedTokens: tokens, promptBytes: tokens * 4 },
        ...{ busy: at % 3, firstTokenMs: 50 + tokens * 0.2, totalMs: 4_000 },
        ...{ answerTokens: 200, tokenGapMs: 20, cachedShare: undefined, loadMs: undefined },
      })
    }
  }
}

function shortened(): Buffer {
  return Buffer.from(JSON.stringify({ model, messages: messages.slice(0, 38) }))
}

/** @returns nanoseconds of one call */
function timeOf(run: () => void): number {
  const startMs = performance.now()
  for (let call = 0; call < perRound; call++) run()
  return ((performance.now() - startMs) * 1e6) / perRound
}
