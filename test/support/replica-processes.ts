import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { folder, listening, run } from './command.ts'
import { clusterOf, nextPrefix } from './replicas.ts'
import { eventually } from './simulator.ts'

export interface ReplicaProcess {
  readonly id: string
  readonly url: string
  readonly child: ChildProcess
  /** Stops it as a rollout does, and waits for its end. */
  stop(): Promise<number | null>
}

export interface ReplicaFleet {
  readonly replicas: readonly ReplicaProcess[]
  /**
   * Starts another replica, and waits until all know each other.
   * @param schema version of the keys' schema, if not the current one: then it waits only until the replica is ready
   */
  add(schema?: number): Promise<ReplicaProcess>
  /** Takes one out of those that get requests. */
  remove(replica: ReplicaProcess): void
  /** Waits until all that are left know each other. */
  settle(): Promise<void>
}

export interface FleetOptions {
  readonly count?: number
  readonly cluster?: Readonly<Record<string, unknown>>
  /** What the wall clock of each is ahead, in milliseconds. */
  readonly aheadMs?: readonly number[]
  /** Version of the schema that the first replicas write, if not the current one. */
  readonly schema?: number
}

/** Code that a process runs first. */
function preload(code: string): string {
  return `--import data:text/javascript,${encodeURIComponent(code)}`
}

/** Makes a process one of another schema version. */
function withSchema(version: number): string {
  return preload(`import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) {
  const module = next(url, context)
  if (!url.endsWith('/src/cluster/scripts/keys.ts')) return module
  const source = String(module.source).replace(/schemaVersion = \\d+/, 'schemaVersion = ${version}')
  return { ...module, source }
} })`)
}

/** Gateways as processes that share a server. @param config without `cluster` and without a port */
export async function startFleet(
  t: TestContext,
  redisUrl: string,
  config: Readonly<Record<string, unknown>> & { readonly server?: Readonly<Record<string, unknown>> },
  { count = 3, cluster = {}, aheadMs = [], schema: firstSchema }: FleetOptions = {},
): Promise<ReplicaFleet> {
  const key_prefix = nextPrefix()
  const replicas: ReplicaProcess[] = []
  let started = 0
  async function start(schema?: number): Promise<ReplicaProcess> {
    const ahead = aheadMs[started] ?? 0
    const first = [
      ...(ahead === 0 ? [] : [preload(`const n=Date.now;Date.now=()=>n()+${ahead}`)]),
      ...(schema === undefined ? [] : [withSchema(schema)]),
    ]
    const env: Record<string, string> = first.length === 0 ? {} : { NODE_OPTIONS: first.join(' ') }
    const id = `r${started++}`
    const text = JSON.stringify({
      ...config,
      server: {
        host: '127.0.0.1',
        port: 0,
        shutdown_timeout: '20s',
        rate_limits: { global_requests_per_minute: 0, per_ip_requests_per_minute: 0 },
        ...config.server,
      },
      cluster: { redis: redisUrl, key_prefix, replica_id: id, ...cluster },
    })
    const running = run(t, ['-c', 'gateway.yaml'], { cwd: await folder({ 'gateway.yaml': text }), env })
    const url = await listening(running)
    const { child } = running
    return {
      id,
      url,
      child,
      async stop() {
        const exit = once(child, 'close')
        child.kill('SIGTERM')
        const [code] = await exit
        return typeof code === 'number' ? code : null
      },
    }
  }
  /** Load balancers wait for this too. */
  const isReady = async ({ url }: ReplicaProcess) => (await fetch(`${url}/internal/ready`)).status === 200
  const settle = () =>
    eventually(
      async () => {
        const ready = await Promise.all(replicas.map(isReady))
        if (ready.includes(false)) return false
        const bodies = await Promise.all(replicas.map(clusterOf))
        return bodies.every(({ state, members }) => state === 'joined' && members.length === replicas.length)
      },
      { intervalMs: 20 },
    )
  replicas.push(...(await Promise.all(Array.from({ length: count }, () => start(firstSchema)))))
  await settle()
  return {
    replicas,
    async add(schema) {
      const replica = await start(schema)
      await eventually(() => isReady(replica))
      replicas.push(replica)
      if (schema === undefined) await settle()
      return replica
    },
    remove(replica) {
      replicas.splice(replicas.indexOf(replica), 1)
    },
    settle,
  }
}
