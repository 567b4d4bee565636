/** The HTTP server of the gateway's own command, for Fastify apps that embed the gateway. */
import type { GatewayConfig } from './config/schema/schema.ts'
import { connectionLimit } from './http/connections/descriptors.ts'
import type { OllaHttpServerOptions } from './http/server/factory.ts'

export {
  type BodyReceived,
  type CapableBody,
  type CapableRequest,
  type CapableResponse,
  type CapableServer,
  type ConnectionLimitObserver,
  kConnectionLimit,
  kDrain,
  kGiveUpBody,
  kIsFollowed,
  kStrictHead,
  kTakeBody,
  kWriteParts,
  type LimitedConnections,
  type PartsWriter,
} from './http/contract/capabilities.ts'
export {
  type OllaHttpServer,
  type OllaHttpServerOptions,
  ollaHttpServer,
  type ServerFactory,
} from './http/server/factory.ts'

/**
 * Server options for a gateway's configuration (`server.*`).
 * @param maxConnections of this server; by default from `server.max_connections`
 */
export function httpServerOptions(
  { server, proxy }: GatewayConfig,
  maxConnections: number = connectionLimit(server.max_connections, 1, () => {}),
): OllaHttpServerOptions {
  return {
    keepAliveTimeoutMs: server.idle_timeout || server.read_timeout || 72_000,
    // Node swaps the two if the limit for the head is longer.
    headersTimeoutMs: Math.min(server.read_header_timeout || 60_000, server.read_timeout || 60_000),
    requestTimeoutMs: server.read_timeout,
    stallTimeoutMs: proxy.read_timeout,
    // Above the configured limit, so that the gateway's own check rejects the request, with a request ID.
    maxHeaderBytes: Math.max(4096, server.request_limits.max_header_size) * 2,
    maxConnections,
    allowHalfOpen: server.allow_half_open,
    tcpKeepAliveMs: server.tcp_keep_alive,
    tcpUserTimeoutMs: server.tcp_user_timeout,
    highWaterMark: Math.max(1024, proxy.stream_buffer_size),
  }
}
