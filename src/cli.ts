import { flushCompileCache } from 'node:module'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import type { DemoFleet } from '../simulator/fleet.ts'
import type { CommandResult } from './cli/status-command.ts'
import { systemClock } from './clock.ts'
import { ConfigError, formatDiagnostic } from './config/diagnostics.ts'
import { type LoadedConfig, loadConfig, withFoundEndpoints } from './config/load.ts'
import { findLocalServers } from './config/local-servers.ts'
import { printConfig } from './config/print.ts'
import { createLogger } from './logging/logger.ts'
import { ProfileError, ProfileStore } from './model/profile-store.ts'
import { profilesFolder, version } from './package.ts'

const usage = `olla-gateway ${version}: gateway and load balancer for self-hosted LLM inference

Usage: olla-gateway [options]
       olla-gateway top [options]           a running gateway, live (--help for more)
       olla-gateway status [options]        how a running gateway is, with an exit code (--help for more)
       olla-gateway simulator [options]     a scripted inference server (--help for more)

Options:
  -c, --config FILE     configuration (else OLLA_CONFIG_FILE, config/config.local.yaml, config/config.yaml,
                        config.yaml, default.yaml; with none, servers on well-known local ports)
      --demo            serve an embedded fleet of simulated endpoints
      --host HOST       address to listen on, before the configuration's
      --port PORT       port to listen on, before the configuration's
      --threads N       threads that serve, or auto, before the configuration's
      --validate-config check the configuration and exit with 0 or 1
      --print-config    print the effective configuration, secrets masked
      --version         print the version
      --help            print this
`

const options = {
  config: { type: 'string', short: 'c' },
  demo: { type: 'boolean' },
  host: { type: 'string' },
  port: { type: 'string' },
  threads: { type: 'string' },
  'validate-config': { type: 'boolean' },
  'print-config': { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

function readArguments(args: string[]) {
  return parseArgs({ args, options, allowPositionals: true })
}

type Arguments = ReturnType<typeof readArguments>['values']

/** The command line. Sets the exit code; a server keeps the process alive. */
export async function main(args: string[]): Promise<void> {
  const [command, ...rest] = args
  switch (command) {
    case 'simulator': {
      const { runSimulator } = await import('../simulator/cli.ts')
      return runSimulator(rest)
    }
    case 'status': {
      const { statusCommand } = await import('./cli/status-command.ts')
      return finish(await statusCommand(rest, process.env))
    }
    case 'top': {
      const { topCommand } = await import('./cli/top-command.ts')
      const { stdin, stdout, env } = process
      return finish(await topCommand(rest, { input: stdin, output: stdout, env }))
    }
    default:
      return serveCommand(args)
  }
}

async function serveCommand(args: string[]): Promise<void> {
  let values: Arguments
  try {
    values = readArguments(args).values
  } catch (error) {
    fail(`${error instanceof Error ? error.message : String(error)}\nTry --help.`)
    return
  }
  if (values.help) return say(usage)
  if (values.version || process.env.OLLA_SHOW_VERSION === 'true') return say(`olla-gateway ${version}`)
  try {
    await run(values)
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ProfileError) fail(error.message)
    else throw error
  }
}

async function run(values: Arguments): Promise<void> {
  const fleet = values.demo ? await (await import('../simulator/fleet.ts')).startDemoFleet() : undefined
  const loaded = await prepare(values, fleet)
  if (values['validate-config']) return report(loaded)
  if (values['print-config']) return say(printConfig(loaded.config))

  const { config } = loaded
  const log = await createLogger({
    config: config.logging,
    isTerminal: process.stdout.isTTY === true,
    formatIsChosen: process.env.OLLA_LOGGING_FORMAT !== undefined,
  })
  for (const warning of loaded.warnings) log.logger.warn(formatDiagnostic(warning))
  const { serve } = await import('./server.ts')
  const { address } = await serve({
    config,
    log,
    async onStopped() {
      await fleet?.close()
      await log.flush()
    },
  })
  say(welcome(address, loaded, fleet !== undefined))
  systemClock.after(settlingMs, endStart)
}

/** After which the first probes and model lists are through. */
const settlingMs = 1_000

/** Takes back what `bin/olla-gateway.js` has set for the start: from here on speed counts for more than memory. */
function endStart(): void {
  setFlagsFromString('--maglev')
  setFlagsFromString('--turbofan')
  flushCompileCache()
}

/** The configuration with what the command line says, and with endpoints from wherever they come. */
async function prepare(values: Arguments, fleet: DemoFleet | undefined): Promise<LoadedConfig> {
  const env = { ...process.env }
  if (values.host !== undefined) env.OLLA_SERVER_HOST = values.host
  if (values.port !== undefined) env.OLLA_SERVER_PORT = values.port
  if (values.threads !== undefined) env.OLLA_SERVER_THREADS = values.threads
  const knownTypes = (own: string) => new ProfileStore({ builtIn: profilesFolder, own }).types()
  if (fleet !== undefined) {
    const { config, warnings } = loadConfig({ none: true, env, cwd: process.cwd(), knownTypes })
    return { config: withFoundEndpoints(config, fleet.endpoints), file: undefined, passedOver: [], warnings }
  }
  const loaded = loadConfig({ file: values.config, env, cwd: process.cwd(), knownTypes })
  if (loaded.file !== undefined) return loaded
  const profiles = new ProfileStore({ builtIn: profilesFolder }).all()
  const found = await findLocalServers(profiles.flatMap(({ detection }) => detection.defaultPorts))
  say(
    found.length > 0
      ? `no configuration file; found on this machine: ${found.map(({ url }) => url).join(', ')}`
      : 'no configuration file, and no inference server on the well-known local ports; try --demo',
  )
  return { ...loaded, config: withFoundEndpoints(loaded.config, found) }
}

function report({ config, file, warnings }: LoadedConfig): void {
  for (const warning of warnings) say(`warning: ${formatDiagnostic(warning)}`)
  const { endpoints } = config.discovery.static
  say(
    `${file ?? 'built-in defaults'}: valid, ${endpoints.length} ${endpoints.length === 1 ? 'endpoint' : 'endpoints'}`,
  )
}

function welcome(address: string, { config, file }: LoadedConfig, isDemo: boolean): string {
  const { endpoints } = config.discovery.static
  const lines = [
    `olla-gateway ${version} listening on ${address}`,
    `  configuration: ${isDemo ? 'demo' : (file ?? 'none')}, engine ${config.proxy.engine}, ${config.proxy.load_balancer}`,
    ...endpoints.map(({ name, url, type }) => `  endpoint: ${name ?? url} (${type}) ${url}`),
    ...(config.dashboard.enabled ? [`  dashboard: ${address}/internal/ui/`] : []),
  ]
  if (!isDemo) return lines.join('\n')
  return [
    ...lines,
    '',
    'Try:',
    `  curl ${address}/internal/status/endpoints`,
    `  curl -N ${address}/v1/chat/completions -H 'content-type: application/json' \\`,
    `    -d '{"model":"llama3.2:3b","stream":true,"messages":[{"role":"user","content":"hello"}]}'`,
    `  curl ${address}/api/chat -H 'content-type: application/json' \\`,
    `    -d '{"model":"llama3.2:3b","messages":[{"role":"user","content":"hello"}]}'`,
    'Take an endpoint down for half a minute and ask again:',
    `  curl -X POST ${endpoints[0]?.url ?? ''}/__simulator/faults -H 'content-type: application/json' -d '{"kind":"refuse","forMs":30000}'`,
  ].join('\n')
}

/** The output of a failed command that is no report belongs to standard error. */
function finish({ output, exitCode }: CommandResult): void {
  const stream = exitCode === 3 ? process.stderr : process.stdout
  stream.write(output)
  process.exitCode = exitCode
}

function say(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`)
  process.exitCode = 1
}
