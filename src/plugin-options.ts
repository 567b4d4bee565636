import type { ProxyEngineOptions } from '../plugins/proxy/proxy-engine.ts'
import { shortest } from './config/checks/write-timeout.ts'
import type { GatewayConfig } from './config/schema/schema.ts'
import { version } from './kernel/package.ts'

type Discovery = GatewayConfig['discovery']
type Proxy = GatewayConfig['proxy']

export function registryOptions(discovery: Discovery) {
  return { slowStartMs: discovery.health.slow_start, secretsIntervalMs: discovery.refresh_interval }
}

export function poolOptions(proxy: Proxy) {
  return { keepAliveMs: proxy.connection_keep_alive, idleMs: proxy.pool_idle_timeout }
}

export function healthOptions({ health }: Discovery) {
  return {
    version,
    busyThresholdMs: health.busy_threshold,
    jitter: health.jitter,
    maxBackoffMs: health.max_backoff,
    concurrency: health.concurrent_probes,
  }
}

export function engineOptions(proxy: Proxy) {
  return { httpClient: proxy.http_client, keepAliveMs: proxy.connection_keep_alive }
}

/** @param writeTimeoutMs of a request's answer; 0 is no limit */
export function proxyEngineOptions(proxy: Proxy, writeTimeoutMs = 0): ProxyEngineOptions {
  return {
    engine: proxy.engine,
    version,
    totalTimeoutMs: shortest(proxy.response_timeout, writeTimeoutMs),
    clientStallMs: proxy.read_timeout,
    streamingProfile: proxy.profile,
    coldStartMs: proxy.cold_start_timeout,
    warmMargin: proxy.warm_margin,
    bufferBytes: proxy.stream_buffer_size,
    failoverStatuses: proxy.failover_statuses,
    maxAttempts: proxy.max_attempts,
    outageWaitMs: proxy.outage_wait,
    retries: {
      maxRounds: proxy.max_retries,
      backoffMs: proxy.retry_backoff,
      maxWaitMs: proxy.max_retry_wait,
      budgetRatio: proxy.retry_budget.ratio,
      budgetBurst: proxy.retry_budget.burst,
    },
    queue: { maxWaiting: proxy.queue.max_waiting, maxWaitMs: proxy.queue.max_wait },
  }
}
