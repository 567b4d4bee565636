// A gateway in a process of its own, run by its command with the default configuration, and the probe inside it.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import type { HeapProfiler } from 'node:inspector'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MemoryReading, ProbeRequest } from './contract.ts'

export interface ProbedGateway {
  readonly port: number
  collect(): Promise<MemoryReading>
  read(): Promise<MemoryReading>
  startSampling(intervalBytes: number): Promise<void>
  stopSampling(): Promise<HeapProfiler.SamplingHeapProfile>
  stop(): Promise<void>
}

export interface ProbedGatewayOptions {
  /** For the configuration and the log. */
  readonly folder: string
  readonly endpointUrls: readonly string[]
  /** Further settings. */
  readonly config?: { readonly server?: object; readonly proxy?: object }
  /** The command's script; default this checkout's. */
  readonly command?: string
}

const ownCommand = fileURLToPath(new URL('../../bin/olla-gateway.js', import.meta.url))
const probe = new URL('./probe.ts', import.meta.url).href
/** No collection happens in a young generation of this size while requests are measured. */
const youngMb = 512
const outOfReach = 100_000_000
const startTimeoutMs = 30_000

export async function startProbedGateway(options: ProbedGatewayOptions): Promise<ProbedGateway> {
  const { folder, endpointUrls, config, command = ownCommand } = options
  const configFile = join(folder, 'gateway.yaml')
  const outputFile = join(folder, 'gateway.log')
  writeFileSync(configFile, JSON.stringify(settings(endpointUrls, config)))
  const output = openSync(outputFile, 'w')
  const child = fork(command, ['-c', configFile], {
    // The command does not restart itself under a parent with a channel, and sets none of these.
    execArgv: [
      '--expose-gc',
      `--max-semi-space-size=${youngMb}`,
      `--min-semi-space-size=${youngMb}`,
      `--import=${probe}`,
    ],
    env: { ...process.env, MALLOC_ARENA_MAX: '1', OLLA_LOGGING_FORMAT: 'json' },
    stdio: ['ignore', output, output, 'ipc'],
  })
  closeSync(output)
  const port = await listening(child, outputFile)
  return {
    port,
    collect: () => ask<MemoryReading>(child, { kind: 'collect' }),
    read: () => ask<MemoryReading>(child, { kind: 'read' }),
    startSampling: async (intervalBytes) => void (await ask(child, { kind: 'sample', intervalBytes })),
    stopSampling: () => ask<HeapProfiler.SamplingHeapProfile>(child, { kind: 'stop-sampling' }),
    async stop() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

function settings(
  endpointUrls: readonly string[],
  { server, proxy = {} }: ProbedGatewayOptions['config'] = {},
): object {
  return {
    server: {
      ...server,
      host: '127.0.0.1',
      port: 0,
      rate_limits: {
        global_requests_per_minute: outOfReach,
        per_ip_requests_per_minute: outOfReach,
        burst_size: outOfReach,
      },
    },
    proxy,
    discovery: {
      static: {
        endpoints: endpointUrls.map((url, at) => ({
          url,
          name: `endpoint-${at}`,
          type: 'openai-compatible',
          health_check_url: '/',
        })),
      },
    },
    logging: { level: 'info', format: 'json' },
  }
}

async function ask<Answer>(child: ChildProcess, request: ProbeRequest): Promise<Answer> {
  const answered = once(child, 'message')
  child.send(request)
  const [answer] = (await answered) as [Answer]
  return answer
}

/** The port, once the gateway knows the models of its endpoints. */
async function listening(child: ChildProcess, outputFile: string): Promise<number> {
  const deadlineMs = performance.now() + startTimeoutMs
  for (;;) {
    const output = readFileSync(outputFile, 'utf8')
    const port = Number(/listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1] ?? 0)
    if (port > 0 && (await findsModel(port))) return port
    if (child.exitCode !== null || performance.now() > deadlineMs)
      throw new Error(`the gateway did not start:\n${output.slice(-2_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function findsModel(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/models`)
  return (await answer.text()).includes('"m"')
}
