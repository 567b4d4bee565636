import { parseArgs } from 'node:util'
import { parseDuration } from '../src/config/decode.ts'
import { type SimulatorKind, simulatorKinds } from './model.ts'
import { startSimulator } from './server.ts'

const usage = `Usage: olla-gateway simulator [options]

A scripted inference server, for demonstrations, tests and benchmarks.

  --kind KIND             ${simulatorKinds.join(', ')}
  --model NAME            a model it has; may be repeated
  --name NAME             stands in every answer
  --host HOST             default 127.0.0.1
  --port PORT             default: a free one
  --ttft DURATION         time to the first token, default 20ms
  --tokens-per-second N   default 200; 0 is as fast as can be
  --api-key KEY           demand it as a bearer token

Make it fail:
  curl -X POST URL/__simulator/faults -d '{"kind":"status","status":503,"times":3}'
  curl -X DELETE URL/__simulator/faults
`

/** `olla-gateway simulator`. Serves until a signal. */
export async function runSimulator(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      kind: { type: 'string', default: 'openai-compatible' },
      model: { type: 'string', multiple: true },
      name: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '0' },
      ttft: { type: 'string', default: '20ms' },
      'tokens-per-second': { type: 'string', default: '200' },
      'api-key': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const kind = simulatorKinds.find((each): each is SimulatorKind => each === values.kind)
  const timeToFirstTokenMs = parseDuration(values.ttft)
  if (kind === undefined || timeToFirstTokenMs === undefined) {
    process.stderr.write(usage)
    process.exitCode = 1
    return
  }
  const simulator = await startSimulator({
    kind,
    host: values.host,
    port: Number(values.port),
    timeToFirstTokenMs,
    tokensPerSecond: Number(values['tokens-per-second']),
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(values.model === undefined ? {} : { models: values.model }),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
  })
  process.stdout.write(`simulated ${kind} "${simulator.name}" listening on ${simulator.url}\n`)
  const stop = () => {
    simulator.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}
