import { once } from 'node:events'
import { readOptions } from '../src/app/cli/arguments.ts'
import { listenFailure } from '../src/app/cli/start-failure.ts'
import { parseDuration } from '../src/config/file/decode.ts'
import { kinds } from './kinds.ts'
import { type SimulatorKind, type SimulatorOptions, simulatorKinds } from './model.ts'
import { startSimulator } from './server.ts'

const usage = `Usage: olla-gateway simulator [options]

A scripted inference server, for demonstrations, tests and benchmarks.

  --kind KIND             ${simulatorKinds.slice(0, 6).join(', ')},
                          ${simulatorKinds.slice(6).join(', ')} (default)
  --model NAME            a model it has; may be repeated; default llama3.2:3b
  --name NAME             stands in every answer; default the kind
  --host HOST             default 127.0.0.1
  --port PORT             default the usual one of the kind; 0 takes a free one
  --ttft DURATION         time to the first token; default 20ms
  --tokens-per-second N   default 200; 0 is as fast as the reader takes
  --server-version TEXT   version that it reports
  --load-time DURATION    time that loading a model takes, or a step of a download; default 0
  --router                llama.cpp as a router of several models
  --api-key KEY           demands it of every client
  --help

Make it fail, and look at what it saw (GET URL/__simulator tells more):
  curl -X POST URL/__simulator/faults -d '{"kind":"status","status":503,"times":3}'
  curl -X DELETE URL/__simulator/faults
  curl URL/__simulator/counters
`

export interface SimulatorCommand {
  readonly isHelp: boolean
  readonly options: SimulatorOptions
}

/** @throws Error with a message for people */
export function readSimulatorArguments(args: readonly string[]): SimulatorCommand {
  const { values } = readOptions(args, {
    kind: { type: 'string', default: 'openai-compatible' },
    model: { type: 'string', multiple: true },
    name: { type: 'string' },
    host: { type: 'string' },
    port: { type: 'string' },
    ttft: { type: 'string', default: '20ms' },
    'tokens-per-second': { type: 'string', default: '200' },
    'server-version': { type: 'string' },
    'load-time': { type: 'string', default: '0s' },
    router: { type: 'boolean', default: false },
    'api-key': { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  })
  const kind = simulatorKinds.find((each): each is SimulatorKind => each === values.kind)
  if (kind === undefined)
    throw new Error(`unknown kind "${values.kind}"; one of ${simulatorKinds.join(', ')}`)
  const timeToFirstTokenMs = parseDuration(values.ttft)
  if (timeToFirstTokenMs === undefined || timeToFirstTokenMs < 0) {
    throw new Error(`--ttft ${values.ttft} is not a duration such as 50ms`)
  }
  const loadMs = parseDuration(values['load-time'])
  if (loadMs === undefined || loadMs < 0)
    throw new Error(`--load-time ${values['load-time']} is not a duration such as 2s`)
  const options: SimulatorOptions = {
    kind,
    loadMs,
    isRouter: values.router,
    port: values.port === undefined ? kinds[kind].defaultPort : numberFrom(values.port, '--port', 65_535),
    timeToFirstTokenMs,
    tokensPerSecond: numberFrom(values['tokens-per-second'], '--tokens-per-second', 1_000_000),
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.model === undefined ? {} : { models: values.model }),
    ...(values['server-version'] === undefined ? {} : { version: values['server-version'] }),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
  }
  return { isHelp: values.help, options }
}

/** `olla-gateway simulator`: serves until SIGINT or SIGTERM. Sets the exit code if it cannot. */
export async function runSimulator(args: readonly string[]): Promise<void> {
  try {
    const { isHelp, options } = readSimulatorArguments(args)
    if (isHelp) {
      process.stdout.write(usage)
      return
    }
    const simulator = await startSimulator(options).catch((error: unknown) => {
      const listener = { host: options.host ?? '127.0.0.1', port: options.port ?? 0 }
      throw new Error(listenFailure(error, listener) ?? String(error))
    })
    process.stdout.write(`simulated ${options.kind} "${simulator.name}" listening on ${simulator.url}\n`)
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
    await simulator.close()
  } catch (error) {
    process.stderr.write(
      `olla-gateway simulator: ${error instanceof Error ? error.message : String(error)}\n`,
    )
    process.stderr.write('Try olla-gateway simulator --help.\n')
    process.exitCode = 1
  }
}

function numberFrom(text: string, option: string, max: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0 || value > max) {
    throw new Error(`${option} ${text} is not a number from 0 to ${max}`)
  }
  return value
}
