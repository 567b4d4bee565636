import { readFileSync } from 'node:fs'
import type { RedisClientOptions } from '@redis/client'
import { readSecretFile } from '../../config/file/secrets.ts'
import type { SectionOptions } from '../../config/options/sections.ts'
import {
  type OpenLink,
  type RedisLink,
  type RedisLinkEvents,
  reasonOf,
  ServerAwayError,
} from './redis-link.ts'

type ClusterSection = SectionOptions<'cluster'>

/** What the links of all topologies use of the package. */
type RedisPackage = typeof import('@redis/client')

const connectMs = 2_000
/** A connection without an answer for this long is closed; pings keep an idle one open. */
const socketMs = 5_000
const pingMs = 1_500
/** Interval at which a client of sentinels or of a cluster connects again by itself. */
const reconnectMs = 200

/**
 * Loads the client for a configuration.
 * @param channel on which the other replicas publish; absent for a connection that only sends commands
 * @throws Error if the package is missing or a file of `tls` cannot be read
 */
export async function openNodeRedis(cluster: ClusterSection, channel?: string): Promise<OpenLink> {
  const redis = await loadPackage()
  const current = rereadOptions(cluster)
  switch (cluster.topology) {
    case 'standalone':
      return (events) => standalone(redis, current().base, channel, events)
    case 'sentinel':
      return (events) => sentinel(redis, cluster, current(), channel, events)
    case 'cluster':
      return (events) => nodes(redis, cluster, current().base, channel, events)
  }
}

/** Options that are made from files. */
interface CurrentOptions {
  readonly base: RedisClientOptions
  readonly sentinelPassword: string | undefined
}

/**
 * Passwords and certificates change while the gateway runs: each connection reads their files again.
 * @returns the options of now; the last ones while a file cannot be read
 */
function rereadOptions(cluster: ClusterSection): () => CurrentOptions {
  let { password, sentinelPassword } = cluster
  const read = () => {
    password = secretOf(cluster.passwordFile, password)
    sentinelPassword = secretOf(cluster.sentinelPasswordFile, sentinelPassword)
    return { base: clientOptions(cluster, password), sentinelPassword }
  }
  let current: CurrentOptions = read()
  return () => {
    try {
      current = read()
    } catch {
      // The files are being replaced; the next connection tries again.
    }
    return current
  }
}

function secretOf(file: string | undefined, last: string | undefined): string | undefined {
  return (file === undefined ? undefined : readSecretFile(file)) || last
}

function standalone(
  redis: RedisPackage,
  base: RedisClientOptions,
  channel: string | undefined,
  events: RedisLinkEvents,
): RedisLink {
  // The link is replaced as a whole when it fails.
  const client = redis.createClient({ ...base, socket: { ...base.socket, reconnectStrategy: false } })
  const watch = watchLink(events)
  client.on('error', watch.failed)
  client.on('terminated', (cause: unknown) => watch.lost(reasonOf(cause)))
  watch.connect(
    async () => {
      await client.connect()
      if (channel !== undefined) await client.subscribe(channel, events.onMessage)
    },
    () => {
      client.destroy()
    },
  )
  return {
    get isReady() {
      return client.isReady
    },
    send: (_key, args) => client.sendCommand([...args]),
    destroy() {
      watch.end()
      client.destroy()
    },
  }
}

function sentinel(
  redis: RedisPackage,
  cluster: ClusterSection,
  { base, sentinelPassword }: CurrentOptions,
  channel: string | undefined,
  events: RedisLinkEvents,
): RedisLink {
  const { url: _, ...options } = base
  const client = redis.createSentinel({
    name: cluster.sentinelMaster,
    sentinelRootNodes: urlsOf(cluster).map((url) => ({
      host: url.hostname,
      port: Number(url.port || 26_379),
    })),
    nodeClientOptions: options,
    sentinelClientOptions: {
      ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
    },
    masterPoolSize: 1,
    scanInterval: 1_000,
  })
  const watch = watchLink(events)
  client.on('error', watch.failed)
  watch.connect(
    async () => {
      await client.connect()
      if (channel !== undefined) await client.subscribe(channel, events.onMessage)
    },
    () => {
      void client.destroy()
    },
  )
  return {
    get isReady() {
      return client.isReady
    },
    send: (_key, args) => client.sendCommand(false, [...args]),
    destroy() {
      watch.end()
      void client.destroy()
    },
  }
}

function nodes(
  redis: RedisPackage,
  cluster: ClusterSection,
  base: RedisClientOptions,
  channel: string | undefined,
  events: RedisLinkEvents,
): RedisLink {
  const { url: _, ...defaults } = base
  const client = redis.createCluster({
    rootNodes: urlsOf(cluster).map((url) => ({ url: withoutUser(url) })),
    defaults,
  })
  const watch = watchLink(events)
  client.on('error', watch.failed)
  watch.connect(
    async () => {
      await client.connect()
      if (channel !== undefined) await client.subscribe(channel, events.onMessage)
    },
    () => {
      client.destroy()
    },
  )
  return {
    get isReady() {
      return client.isReady
    },
    send: (key, args) => client.sendCommand(key, false, [...args]),
    destroy() {
      watch.end()
      client.destroy()
    },
  }
}

interface LinkWatch {
  readonly failed: (error: unknown) => void
  readonly lost: (reason: string) => void
  /** @param close ends a connection that is there too late */
  connect(open: () => Promise<void>, close: () => void): void
  end(): void
}

/** Reports the connection and its loss, once each. */
function watchLink({ onReady, onLost }: RedisLinkEvents): LinkWatch {
  let isOver = false
  let lastReason = ''
  const lost = (reason: string) => {
    if (isOver) return
    isOver = true
    // After the client has informed its own callers.
    queueMicrotask(() => onLost(lastReason || reason))
  }
  return {
    failed(error) {
      lastReason = reasonOf(error)
    },
    lost,
    connect(open, close) {
      open().then(
        () => {
          if (!isOver) onReady()
          else close()
        },
        (error: unknown) => lost(reasonOf(error)),
      )
    },
    end() {
      isOver = true
    },
  }
}

function clientOptions(cluster: ClusterSection, secret: string | undefined): RedisClientOptions {
  const { tls } = cluster
  const url = URL.canParse(cluster.redis) ? new URL(cluster.redis) : undefined
  if (url === undefined) throw new ServerAwayError('cluster.redis is not a URL')
  const isTls = url.protocol === 'rediss:'
  const username = cluster.username ?? (url.username === '' ? undefined : decodeURIComponent(url.username))
  const password = secret ?? (url.password === '' ? undefined : decodeURIComponent(url.password))
  return {
    ...(cluster.topology === 'standalone' ? { url: withoutUser(url) } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    RESP: 3,
    name: 'olla-gateway',
    disableOfflineQueue: true,
    // Calls have their own; the client's would cost a signal and a timer each, and end once a command is written.
    commandOptions: { timeout: 0 },
    pingInterval: pingMs,
    socket: {
      connectTimeout: connectMs,
      socketTimeout: socketMs,
      reconnectStrategy: () => reconnectMs,
      ...(isTls
        ? {
            tls: true as const,
            ...(tls.caFile === '' ? {} : { ca: readFileSync(tls.caFile) }),
            ...(tls.certFile === '' ? {} : { cert: readFileSync(tls.certFile) }),
            ...(tls.keyFile === '' ? {} : { key: readFileSync(tls.keyFile) }),
            ...(tls.serverName === '' ? {} : { servername: tls.serverName }),
          }
        : {}),
    },
  }
}

function urlsOf({ redis, nodes: more }: ClusterSection): URL[] {
  return [redis, ...more].map((url) => new URL(url))
}

function withoutUser(url: URL): string {
  const plain = new URL(url)
  plain.username = ''
  plain.password = ''
  return plain.href
}

async function loadPackage(): Promise<RedisPackage> {
  try {
    return await import('@redis/client')
  } catch (error) {
    throw new Error('cluster.redis needs the package @redis/client: npm install @redis/client', {
      cause: error,
    })
  }
}
