import { flushCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import type { DemoFleet } from '../../../simulator/fleet.ts'
import { findLocalServers } from '../../config/checks/local-servers.ts'
import { type LoadedConfig, loadConfig, ollaDefaultEndpoint, withFoundEndpoints } from '../../config/load.ts'
import { printConfig } from '../../config/print.ts'
import { ConfigError, type Diagnostic, formatDiagnostic } from '../../config/schema/diagnostics.ts'
import type { GatewayConfig } from '../../config/schema/schema.ts'
import { usageSections } from '../../dialects/all.ts'
import { localProfilesFolder, ProfileError, ProfileStore } from '../../endpoints/profiles/profile-store.ts'
import { systemClock } from '../../kernel/clock.ts'
import { familiesFile, profilesFolder, version } from '../../kernel/package.ts'
import { createLogger } from '../../observe/logging/logger.ts'
import { checkFamilyTable } from '../../routing/models/family-table.ts'
import type { ConfigSource } from '../../runtime/configuration/reloads.ts'
import { listenToSignals } from '../../runtime/process/signals.ts'
import { UsageError } from './arguments.ts'
import { checkHosts } from './look-up-hosts.ts'
import { overridesOf, readServeArguments, type ServeArguments } from './serve-arguments.ts'
import { listenFailure } from './start-failure.ts'
import type { CommandResult } from './status-command.ts'
import { welcome } from './welcome.ts'

const usage = `olla-gateway ${version}: gateway and load balancer for self-hosted LLM inference

Usage: olla-gateway [options]
       olla-gateway top [options]           a running gateway, live (--help for more)
       olla-gateway status [options]        how a running gateway is, with an exit code (--help for more)
       olla-gateway reload [options]        make a running gateway read its configuration again (--help for more)
       olla-gateway endpoints [COMMAND]     list, add, change, drain and remove its endpoints (--help for more)
       olla-gateway models [COMMAND]        load, unload, pull and delete models at its endpoints (--help for more)
       olla-gateway aliases|log-level|limits [COMMAND]
                                            show and change these settings (--help for more)
       olla-gateway keys COMMAND [options]  API keys of a running gateway (--help for more)
       olla-gateway teams COMMAND [options] teams of such keys, and owners: their limits (--help for more)
       olla-gateway usage [options]         what its callers have used (--help for more)
       olla-gateway simulator [options]     a scripted inference server (--help for more)

Options:
  -c, --config FILE     configuration (else OLLA_CONFIG_FILE, config/config.local.yaml, config/config.yaml,
                        config.yaml, default.yaml; with none, servers on well-known local ports)
      --demo            serve an embedded fleet of simulated endpoints
      --host HOST       address to listen on, before the configuration's
      --port PORT       port to listen on, before the configuration's
      --threads N       threads that serve, or auto, before the configuration's
      --validate-config check the configuration, models.yaml and profiles, and exit with 0 or 1
      --print-config    print the effective configuration, secrets masked
      --version         print the version
      --help            print this

Olla's spellings work too: -config FILE, -version, -validate-config.
`

/** Whether the output is a gateway's log. */
let serves = false

/** The command line. Sets the exit code; a server keeps the process alive. */
export async function main(args: string[]): Promise<void> {
  const [command, ...rest] = args
  // The reader may close the output at any time; the gateway keeps serving.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (serves || error.code === 'EPIPE') return
    warn(`the output cannot be written (${error.code})`)
    process.exitCode = command === 'status' ? 3 : 1
  })
  process.stderr.on('error', () => {})
  switch (command) {
    case 'simulator': {
      const { runSimulator } = await import('../../../simulator/cli.ts')
      return runSimulator(rest)
    }
    case 'status': {
      const { statusCommand } = await import('./status-command.ts')
      return finish(await statusCommand(rest, process.env))
    }
    case 'reload': {
      const { reloadCommand } = await import('./reload-command.ts')
      return finish(await reloadCommand(rest, process.env))
    }
    case 'endpoints': {
      const { endpointsCommand } = await import('./endpoints-command.ts')
      return finish(await endpointsCommand(rest, process.env))
    }
    case 'models': {
      const { modelsCommand } = await import('./models-command.ts')
      return finish(await modelsCommand(rest, process.env))
    }
    case 'aliases':
    case 'log-level':
    case 'limits': {
      const { settingsCommand } = await import('./settings-command.ts')
      return finish(await settingsCommand(command, rest, process.env))
    }
    case 'keys': {
      const { keysCommand } = await import('./keys-command.ts')
      return finish(await keysCommand(rest, process.env))
    }
    case 'teams':
    case 'owners': {
      const { groupsCommand } = await import('./groups-command.ts')
      return finish(await groupsCommand(command === 'teams' ? 'team' : 'owner', rest, process.env))
    }
    case 'usage': {
      const { usageCommand } = await import('./usage-command.ts')
      return finish(await usageCommand(rest, process.env))
    }
    case 'top': {
      const { topCommand } = await import('./top-command.ts')
      const { stdin, stdout, env } = process
      return finish(await topCommand(rest, { input: stdin, output: stdout, env }))
    }
    case 'help':
      return say(usage)
    case 'version':
      return say(`olla-gateway ${version}`)
    default:
      return serveCommand(args)
  }
}

async function serveCommand(args: string[]): Promise<void> {
  try {
    const { values, notices } = readServeArguments(args)
    if (values.help) return say(usage)
    if (values.version || process.env.OLLA_SHOW_VERSION === 'true') return say(`olla-gateway ${version}`)
    for (const notice of notices) warn(notice)
    if (values.profile || process.env.OLLA_ENABLE_PROFILER === 'true') warn(profilerNotice)
    await run(values)
  } catch (error) {
    if (error instanceof UsageError) fail(`${error.message}\nTry --help.`)
    else if (error instanceof ConfigError || error instanceof ProfileError) fail(error.message)
    else throw error
  }
}

const profilerNotice =
  'Node has no pprof: node --cpu-prof bin/olla-gateway.js writes a profile, and node --inspect serves one'

async function run(values: ServeArguments): Promise<void> {
  // Also as PID 1 of a container, which receives only the signals that it listens to.
  const release = listenToSignals({ stop: () => process.exit(0), reload: () => {}, note: () => {} })
  const fleet = values.demo ? await (await import('../../../simulator/fleet.ts')).startDemoFleet() : undefined
  const { loaded, broken } = await prepare(values, fleet)
  if (values['validate-config']) return report(loaded, broken)
  if (values['print-config']) return say(printConfig(loaded.config))

  serves = true
  const { config } = loaded
  const isTerminal = process.stdout.isTTY === true
  const log = await createLogger({
    config: config.logging,
    isTerminal,
    formatIsChosen: process.env.OLLA_LOGGING_FORMAT !== undefined,
  })
  for (const warning of loaded.warnings) log.logger.warn(formatDiagnostic(warning))
  for (const message of broken) log.logger.warn(`${message}; the built-in one is used`)
  const { serve } = await import('../server.ts')
  let address: string
  try {
    const serving = serve({
      config,
      log,
      source: sourceOf(values, loaded),
      async onStopped() {
        await fleet?.close()
        return log.flush()
      },
    })
    release()
    const served = await serving
    address = served.address
  } catch (error) {
    const failure = listenFailure(error, config.server)
    if (failure === undefined) throw error
    await log.flush()
    fail(failure)
    // Probes and threads that have started would keep the process alive.
    process.exit()
  }
  // Not to standard output directly: if the user has stopped the terminal, that would block this thread.
  const printWelcome = () => log.say(`${welcome(address, loaded, fleet !== undefined)}\n`)
  // On a terminal, after the log lines of startup, so that it stays visible.
  if (isTerminal) systemClock.after(settlingMs, printWelcome)
  else printWelcome()
  systemClock.after(settlingMs, endStart)
}

/** Time for the first probes and model lists to finish. */
const settlingMs = 1_000

/** Resets what `bin/olla-gateway.js` has set for startup: from now on speed matters more than memory. */
function endStart(): void {
  setFlagsFromString('--maglev')
  setFlagsFromString('--turbofan')
  flushCompileCache()
}

/** The file that the configuration came from; found servers and the demo are not looked for again. */
function sourceOf(values: ServeArguments, { file, config }: LoadedConfig): ConfigSource | undefined {
  if (file === undefined) return undefined
  const isNamed = (values.config ?? process.env.OLLA_CONFIG_FILE ?? '') !== ''
  return {
    file,
    isWatched: config.server.watch_config ?? isNamed,
    async load() {
      const { loaded, broken } = await prepare({ ...values, config: file }, undefined)
      const warnings = broken.map((message): Diagnostic => ({ severity: 'warning', key: '', message }))
      return { config: loaded.config, warnings: [...loaded.warnings, ...warnings] }
    },
  }
}

interface Prepared {
  readonly loaded: LoadedConfig
  /** Sentences about the user's tables and profiles that cannot be read. */
  readonly broken: readonly string[]
}

/** Returns the configuration with the command line applied, and with endpoints from any source. */
async function prepare(values: ServeArguments, fleet: DemoFleet | undefined): Promise<Prepared> {
  const { env: overrides, flags } = overridesOf(values)
  const env = { ...process.env, ...overrides }
  const cwd = process.cwd()
  let broken: readonly string[] = []
  const knownTypes = (own: string) => {
    const store = new ProfileStore({
      builtIn: profilesFolder,
      local: localProfilesFolder,
      own,
      usageSections,
    })
    broken = store.warnings
    return store.types()
  }
  const options = { env, flags, cwd, knownTypes }
  if (fleet !== undefined) {
    const loaded = loadConfig({ ...options, none: true })
    const config = withoutRateLimits(withFoundEndpoints(loaded.config, fleet.endpoints), env)
    return { loaded: { ...loaded, config }, broken: [] }
  }
  const loaded = await checkHosts(loadConfig({ ...options, file: values.config }))
  const table = checkFamilyTable({ builtIn: familiesFile, cwd, configDir: env.OLLA_CONFIG_DIR })
  if (table !== undefined) broken = [...broken, table]
  if (loaded.file !== undefined) return { loaded, broken }
  return { loaded: { ...loaded, config: await withLocalServers(loaded.config) }, broken }
}

async function withLocalServers(config: GatewayConfig): Promise<GatewayConfig> {
  const profiles = new ProfileStore({ builtIn: profilesFolder }).all()
  const ports = profiles.flatMap(({ detection }) => detection.defaultPorts)
  const found = await findLocalServers(ports.filter((port) => port !== config.server.port))
  if (found.length > 0) {
    say(`no configuration file; found on this machine: ${found.map(({ url }) => url).join(', ')}`)
    return withFoundEndpoints(config, found)
  }
  const { url } = ollaDefaultEndpoint
  say(
    `no configuration file, and no inference server on the well-known local ports: waiting for ${url}; try --demo`,
  )
  return config.server.port === Number(new URL(url).port)
    ? config
    : withFoundEndpoints(config, [ollaDefaultEndpoint])
}

/** A loop of requests to the demo should not hit the rate limits. */
function withoutRateLimits(config: GatewayConfig, env: NodeJS.ProcessEnv): GatewayConfig {
  const { rate_limits: limits } = config.server
  const given = (name: string, value: number) => (env[name] === undefined ? 0 : value)
  const rate_limits = {
    ...limits,
    global_requests_per_minute: given('OLLA_SERVER_GLOBAL_RATE_LIMIT', limits.global_requests_per_minute),
    per_ip_requests_per_minute: given('OLLA_SERVER_PER_IP_RATE_LIMIT', limits.per_ip_requests_per_minute),
    health_requests_per_minute: given('OLLA_SERVER_HEALTH_RATE_LIMIT', limits.health_requests_per_minute),
  }
  return { ...config, server: { ...config.server, rate_limits } }
}

/** As in Olla, a table or profile that startup would replace by the built-in one is an error here. */
function report({ config, file, skippedFiles, warnings }: LoadedConfig, broken: readonly string[]): void {
  for (const warning of warnings) say(`warning: ${formatDiagnostic(warning)}`)
  for (const other of skippedFiles) say(`not read: ${other}`)
  if (broken.length > 0) {
    fail(broken.join('\n'))
    return
  }
  const { endpoints } = config.discovery.static
  const count = `${endpoints.length} ${endpoints.length === 1 ? 'endpoint' : 'endpoints'}`
  say(`${file ?? 'built-in defaults'}: valid, ${count}`)
}

/** Output of a failed command goes to standard error, unless it is a report. */
function finish({ output, exitCode }: CommandResult): void {
  const stream = exitCode === 3 ? process.stderr : process.stdout
  stream.write(output)
  process.exitCode = exitCode
}

function say(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

function warn(text: string): void {
  process.stderr.write(`olla-gateway: ${text}\n`)
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`)
  process.exitCode = 1
}
