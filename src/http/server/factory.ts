import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { isObject, type JsonObject } from '../../kernel/json/json-fields.ts'
import { ConnectionLimit } from '../connections/connection-limit.ts'
import { lingerOnClose } from '../connections/lingering-close.ts'
import { LostClients } from '../connections/lost-clients.ts'
import { SlowRequests } from '../connections/slow-requests.ts'
import { tcpKeepAlive } from '../connections/tcp-keep-alive.ts'
import type { CapableServer } from '../contract/capabilities.ts'
import { maxHeaderFields } from '../request/strict-head.ts'
import { Http1Server } from './server.ts'

export interface OllaHttpServerOptions {
  /** Time that an idle connection is kept; 0 means no limit. Default: Fastify's `keepAliveTimeout`, 72,000. */
  readonly keepAliveTimeoutMs?: number
  /** Maximum time to receive a request head; 0 means no limit. Default: 60,000. */
  readonly headersTimeoutMs?: number
  /**
   * Maximum time to receive the body of a request; 0 means no limit. A body that brings at least 1 KiB for each second of
   * this time gets the same time again. Default: Fastify's `requestTimeout`, 0.
   */
  readonly requestTimeoutMs?: number
  /** Maximum time in which a client reads nothing of a response that has ended; 0 means no limit. Default: 600,000. */
  readonly stallTimeoutMs?: number
  /** Maximum size of a request head. Default: Node's, 16,384. */
  readonly maxHeaderBytes?: number
  /**
   * Maximum open connections. At the limit accepting pauses, and idle connections are closed to make room. Default: 0,
   * no limit.
   */
  readonly maxConnections?: number
  /** Whether a client that has closed its side after the request still gets its response. Default: false. */
  readonly allowHalfOpen?: boolean
  /** Silence after which the system probes whether a client is still connected; 0 disables probes. Default: 15,000. */
  readonly tcpKeepAliveMs?: number
  /** Time in which a client must acknowledge data (Linux); 0 leaves it to the system. Default: 60,000. */
  readonly tcpUserTimeoutMs?: number
  /** Bytes that may be queued for a client before writes report backpressure. Default: Node's. */
  readonly highWaterMark?: number
  /** For tests. */
  readonly clock?: Clock
}

/**
 * Function for Fastify's `serverFactory`.
 * @param fastify Fastify's options, of which the server uses `keepAliveTimeout`, `requestTimeout`, `connectionTimeout`,
 * `maxRequestsPerSocket` and `http`
 */
export type ServerFactory<S extends Server> = (handler: RequestListener, fastify?: JsonObject) => S

/** Node's server with the additional capabilities of the gateway's server. */
export type OllaHttpServer = Server & CapableServer

const tcpTables = ['/proc/net/tcp', '/proc/net/tcp6']

/**
 * Creates the server of the gateway's own command, for Fastify's `serverFactory`: HTTP/1.1 without TLS. Fastify calls
 * the factory twice for an app that listens on `localhost`; both servers share `maxConnections`.
 */
export function ollaHttpServer(options: OllaHttpServerOptions = {}): ServerFactory<OllaHttpServer> {
  const { clock = systemClock } = options
  const prepare = preparation(options, clock)
  return function createOllaHttpServer(handler, fastify = {}) {
    const server = new Http1Server(
      {
        ...serverOptions(options, fastify),
        ...(options.stallTimeoutMs === undefined ? {} : { stallMs: options.stallTimeoutMs }),
        allowHalfOpen: options.allowHalfOpen ?? false,
        clock,
      },
      handler,
    )
    prepare(server, fastify)
    server.bodyMs = bodyLimit(options, fastify)
    return server
  }
}

/** Creates Node's server with the same options and limits. */
export function nodeHttpServer(options: OllaHttpServerOptions = {}): ServerFactory<Server> {
  const { clock = systemClock } = options
  const prepare = preparation(options, clock)
  return function createNodeHttpServer(handler, fastify = {}) {
    const server = createServer(serverOptions(options, fastify), handler)
    const bodyMs = bodyLimit(options, fastify)
    const slowRequests = new SlowRequests(server, { clock, bodyMs: () => bodyMs })
    const isOpen = () => server.listening
    server.on('connection', (socket) => {
      slowRequests.add(socket)
      lingerOnClose(socket, clock, isOpen)
    })
    prepare(server, fastify)
    return server
  }
}

function serverOptions(
  {
    keepAliveTimeoutMs,
    headersTimeoutMs,
    maxHeaderBytes,
    highWaterMark,
    tcpKeepAliveMs,
  }: OllaHttpServerOptions,
  fastify: JsonObject,
): ServerOptions {
  const http = isObject(fastify.http) ? fastify.http : {}
  return {
    ...http,
    keepAliveTimeout: keepAliveTimeoutMs ?? numberOf(fastify.keepAliveTimeout) ?? 72_000,
    // It would also end a large body that keeps arriving.
    requestTimeout: 0,
    headersTimeout: headersTimeoutMs ?? numberOf(http.headersTimeout) ?? 60_000,
    // Node's default of 30 s is longer than a head may take.
    connectionsCheckingInterval: 1_000,
    // A client that has vanished sends nothing: without probes, a silent generation would occupy its endpoint until it
    // ends.
    ...tcpKeepAlive(tcpKeepAliveMs ?? 15_000),
    ...(maxHeaderBytes === undefined ? {} : { maxHeaderSize: maxHeaderBytes }),
    ...(highWaterMark === undefined ? {} : { highWaterMark }),
  }
}

/** Sets what applies to each server; all servers of one factory share the limits. */
function preparation(options: OllaHttpServerOptions, clock: Clock) {
  const { tcpUserTimeoutMs = 60_000 } = options
  const limit = new ConnectionLimit({ max: options.maxConnections ?? 0, clock })
  const lost =
    tcpUserTimeoutMs === 0 || process.platform !== 'linux'
      ? undefined
      : new LostClients({ timeoutMs: tcpUserTimeoutMs, clock, read: readTcpTables })
  return function prepare(server: Server, fastify: JsonObject): void {
    if (isRequested(fastify.https) || isRequested(fastify.http2))
      throw new TypeError('This server speaks HTTP/1.1 without TLS: leave out `https` and `http2`.')
    server.setTimeout(numberOf(fastify.connectionTimeout) ?? 0)
    server.maxRequestsPerSocket = numberOf(fastify.maxRequestsPerSocket) ?? 0
    // Node silently drops header fields beyond its own limit; the gateway rejects such a request.
    server.maxHeadersCount = 2 * maxHeaderFields
    // Node has no documented option for this (`lib/_http_server.js`).
    if (options.allowHalfOpen === true) Reflect.set(server, 'httpAllowHalfOpen', true)
    limit.add(server)
    lost?.add(server)
  }
}

function bodyLimit({ requestTimeoutMs }: OllaHttpServerOptions, { requestTimeout }: JsonObject): number {
  return requestTimeoutMs ?? numberOf(requestTimeout) ?? 0
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function isRequested(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false
}

function readTcpTables(): Promise<string[]> {
  return Promise.all(tcpTables.map((file) => readFile(file, 'latin1').catch(() => '')))
}
