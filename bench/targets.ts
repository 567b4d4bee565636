// The measured targets: each is a separate process in front of the same upstream.
import { join } from 'node:path'
import { concernTargets } from './concerns.ts'
import { gatewayTarget } from './gateway.ts'
import type { CoreSplit } from './machine.ts'
import { nginx } from './nginx.ts'
import { ollaGo } from './olla-go.ts'
import { builtScript } from './package.ts'
import { type StartedProcess, start } from './processes.ts'
import { tlsGateway } from './tls-endpoint.ts'

export interface Running {
  /** Undefined for a direct connection to the upstream. */
  readonly process: StartedProcess | undefined
  readonly port: number
  /** In front of the path of every request. */
  readonly pathPrefix?: string
  /** Processes that it needs and that do not count. */
  readonly helpers?: readonly StartedProcess[]
}

export interface TargetContext {
  /** For configurations and logs. */
  readonly folder: string
  /** The same upstream on each. */
  readonly upstreamPorts: readonly [number, ...number[]]
  readonly cores: CoreSplit
}

export interface Target {
  readonly name: string
  readonly title: string
  /** Serving threads. */
  readonly threads: number
  /** Names of the works that it is measured with; default all. */
  readonly only?: readonly string[]
  /** Why it cannot run here; undefined if it can. */
  missing(): string | undefined
  start(context: TargetContext): Promise<Running>
}

export const targets: readonly Target[] = [
  {
    name: 'direct',
    title: 'direct',
    threads: 1,
    missing: () => undefined,
    start: async ({ upstreamPorts: [port] }) => ({ process: undefined, port }),
  },
  nginx,
  ollaGo,
  scriptTarget('reply-from', 'bare reply-from', 'bare-reply-from'),
  scriptTarget('bare', 'bare path', 'bare'),
  gatewayTarget({ name: 'olla', title: 'gateway, `olla`', engine: 'olla', threads: 1 }),
  gatewayTarget({
    name: 'olla-node',
    title: "gateway, Node's server",
    engine: 'olla',
    threads: 1,
    httpServer: 'node',
  }),
  gatewayTarget({ name: 'olla-2', title: 'gateway, `olla`, 2 threads', engine: 'olla', threads: 2 }),
  tlsGateway,
  ...concernTargets,
  gatewayTarget({
    name: 'embedded',
    title: "gateway in an app, Node's server",
    engine: 'olla',
    threads: 1,
    embeddedOn: 'node',
  }),
  gatewayTarget({
    name: 'embedded-own',
    title: 'gateway in an app, `http-server`',
    engine: 'olla',
    threads: 1,
    embeddedOn: 'own',
  }),
  gatewayTarget({ name: 'sherpa', title: 'gateway, `sherpa`', engine: 'sherpa', threads: 1 }),
  gatewayTarget({ name: 'sherpa-2', title: 'gateway, `sherpa`, 2 threads', engine: 'sherpa', threads: 2 }),
]

function scriptTarget(name: string, title: string, file: string): Target {
  return {
    name,
    title,
    threads: 1,
    missing: () => undefined,
    async start({ folder, upstreamPorts: [port], cores }) {
      const process = await start({
        name,
        command: [globalThis.process.execPath, builtScript(file), `http://127.0.0.1:${port}`],
        cores: cores.one,
        outputFile: join(folder, `${name}.log`),
        isUp: /listening on http:\/\/127\.0\.0\.1:(\d+)/,
      })
      return { process, port: Number(process.matched) }
    },
  }
}
