// The gateway as a target, as in production: everything on, the limits out of reach, request lines as JSON to
// a file.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { builtScript, gatewayCommand } from './package.ts'
import { start } from './processes.ts'
import type { Running, Target } from './targets.ts'
import { pause } from './workbench.ts'

export interface GatewayTargetOptions {
  readonly name: string
  readonly title: string
  readonly engine: 'olla' | 'sherpa'
  readonly threads: number
  /** Embeds the gateway in an app on this server instead of running the command. */
  readonly embeddedOn?: 'node' | 'own'
  /** `server.http_server`. Default `own`. */
  readonly httpServer?: 'node' | 'own'
}

export function gatewayTarget({
  name,
  title,
  engine,
  threads,
  embeddedOn,
  httpServer = 'own',
}: GatewayTargetOptions): Target {
  return {
    name,
    title,
    threads,
    missing: () => (threads > 1 && !hasThreads() ? 'this gateway has no server.threads' : undefined),
    start: ({ folder, upstreamPorts, cores }) =>
      startGateway({
        name,
        folder,
        cores: threads > 1 ? cores.two : cores.one,
        ...(embeddedOn === undefined ? {} : { program: [builtScript('embedded'), embeddedOn] }),
        config: gatewayConfig({ origins: originsOf(upstreamPorts), engine, threads, httpServer }),
      }),
  }
}

export function originsOf(ports: readonly number[]): string[] {
  return ports.map((port) => `http://127.0.0.1:${port}`)
}

export interface GatewayConfigOptions {
  readonly origins: readonly string[]
  readonly engine: 'olla' | 'sherpa'
  readonly threads: number
  /** Default `own`. */
  readonly httpServer?: 'node' | 'own'
}

export function gatewayConfig({
  origins,
  engine,
  threads,
  httpServer = 'own',
}: GatewayConfigOptions): object {
  return {
    server: {
      host: '127.0.0.1',
      port: 0,
      http_server: httpServer,
      ...(threads > 1 ? { threads } : {}),
      rate_limits: {
        global_requests_per_minute: 100_000_000,
        per_ip_requests_per_minute: 100_000_000,
        health_requests_per_minute: 100_000_000,
        burst_size: 10_000_000,
      },
    },
    proxy: { engine },
    discovery: {
      static: { endpoints: origins.map((url, at) => ({ url, name: `endpoint-${at}`, type: 'vllm' })) },
    },
    logging: { level: 'info', format: 'json' },
  }
}

export interface GatewayStart {
  readonly name: string
  readonly folder: string
  readonly cores: string
  readonly config: object
  /** Script, which gets the configuration as its first argument, and further arguments; default the gateway's command. */
  readonly program?: readonly [string, ...string[]]
  /** Models to wait for; default 1. */
  readonly models?: number
  readonly env?: Readonly<Record<string, string>>
}

const discoveryTimeoutMs = 60_000

/** Resolves when the gateway has discovered its models. */
export async function startGateway({
  name,
  folder,
  cores,
  config,
  program,
  models = 1,
  env,
}: GatewayStart): Promise<Running> {
  const file = join(folder, `${name}.yaml`)
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config))
  const process = await start({
    name,
    command: [
      globalThis.process.execPath,
      ...(program === undefined ? [gatewayCommand, '-c', file] : [program[0], file, ...program.slice(1)]),
    ],
    cores,
    outputFile: join(folder, `${name}.log`),
    isUp: /listening on http:\/\/127\.0\.0\.1:(\d+)/,
    env: { OLLA_LOGGING_FORMAT: 'json', ...env },
  })
  const port = Number(process.matched)
  const deadlineMs = performance.now() + discoveryTimeoutMs
  for (let found = 0; found < models; found = await countModels(port)) {
    if (performance.now() > deadlineMs) throw new Error(`${name} has found ${found} of ${models} models`)
    await pause(50)
  }
  return { process, port }
}

async function countModels(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/internal/status/models`)
  return Number(/"total_models":\s*(\d+)/.exec(await response.text())?.[1] ?? 0)
}

function hasThreads(): boolean {
  const schema = JSON.parse(readFileSync(new URL('../config/schema.json', import.meta.url), 'utf8')) as {
    properties?: { server?: { properties?: object } }
  }
  return 'threads' in (schema.properties?.server?.properties ?? {})
}
