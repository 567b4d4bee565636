import { Type } from '@sinclair/typebox'
import { httpClients } from '../../http/client/contract.ts'
import { failoverStatuses, failureStatuses } from '../../kernel/failure-statuses.ts'
import { keySources } from './key-sources.ts'
import { Choice, Count, FilterSchema, Flag, Fraction, Section, StatusList } from './sections.ts'
import { Bytes, Duration } from './units.ts'

export const BreakerSchema = Section(
  {
    enabled: Flag(true, 'Off: every request is let through.'),
    failure_threshold: Count(5, 'Consecutive failures that open the circuit.', { minimum: 1 }),
    open_duration: Duration({
      default: '30s',
      description: 'How long an open circuit refuses before one trial.',
    }),
    trial_timeout: Duration({
      default: '30s',
      description: 'After which a trial that has not reported back is given to the next request.',
    }),
    failure_statuses: StatusList(failureStatuses, 'Answers that count as failures.'),
    connection_errors: Flag(true, 'Refused, reset and closed connections count.'),
    timeouts: Flag(true, 'Connect, first-byte and idle timeouts count.'),
    slow_first_byte: Duration({
      default: 0,
      description: 'A first byte later than this counts as a failure; 0 is off.',
    }),
  },
  "Circuit breaker of an endpoint (thresholds beyond Olla, defaults Olla's).",
)

export const TimeoutsSchema = Section(
  {
    connect: Duration({ default: 0, description: '0 takes proxy.connection_timeout.' }),
    tls: Duration({ default: 0, description: '0 takes proxy.tls_handshake_timeout.' }),
    first_byte: Duration({ default: 0, description: '0 takes proxy.response_header_timeout.' }),
    idle: Duration({ default: 0, description: '0 takes proxy.read_timeout.' }),
    total: Duration({ default: 0, description: '0 takes proxy.response_timeout.' }),
  },
  'Time limits of this endpoint (beyond Olla).',
)

export const ProxySchema = Section(
  {
    engine: Choice(
      ['olla', 'sherpa'] as const,
      'olla',
      'olla: connections of its own, straight to the response; sherpa: plain undici, over the pools that probes use.',
    ),
    http_client: Choice(
      httpClients,
      'own',
      "The olla engine's HTTP/1.1 client. own: the gateway's, with less CPU and memory for each request; undici: the client of the Node.js project (beyond Olla).",
    ),
    load_balancer: Choice(
      ['least-connections', 'priority', 'round-robin'] as const,
      'least-connections',
      'How one of several suitable endpoints is chosen.',
    ),
    priority_tiers: Flag(
      true,
      'Lower priorities get traffic only when no higher one can take it (beyond Olla; `priority` always does).',
    ),
    profile: Choice(
      ['auto', 'streaming', 'standard'] as const,
      'auto',
      'streaming: every chunk is sent at once; standard: chunks are gathered up to stream_buffer_size; auto: by content type.',
    ),
    profile_filter: FilterSchema,
    connection_timeout: Duration({ default: '60s', description: 'TCP connect to an endpoint.' }),
    connection_keep_alive: Duration({
      default: '30s',
      description: 'TCP keep-alive interval of connections to endpoints.',
    }),
    response_timeout: Duration({
      default: '15m',
      description: 'A whole request, all attempts together; 0 is no limit.',
    }),
    read_timeout: Duration({
      default: '10m',
      description: 'Longest silence between two chunks of an answer.',
    }),
    response_header_timeout: Duration({
      default: '10m',
      description:
        'From sending the request to the first byte of the answer (Olla: 30s, which ends long generations).',
    }),
    cold_start_timeout: Duration({
      default: '15m',
      description: 'response_header_timeout where the endpoint must load the model first (beyond Olla).',
    }),
    warm_margin: Count(
      2,
      'An endpoint that has the model in memory is preferred while it has at most so many more requests (beyond Olla).',
    ),
    tls_handshake_timeout: Duration({ default: '10s', description: 'TLS handshake with an endpoint.' }),
    stream_buffer_size: Bytes({
      default: 65_536,
      description: 'Bytes held for a slow client before the endpoint is paused.',
    }),
    max_retries: Count(
      3,
      'Repeats on endpoints that were already tried; untried endpoints are always tried.',
      { maximum: 100 },
    ),
    max_attempts: Count(
      6,
      'Attempts of one request that reach an endpoint, however many endpoints there are; connections that were never made do not count (beyond Olla).',
      { minimum: 1, maximum: 1000 },
    ),
    outage_wait: Duration({
      default: '5s',
      description:
        'Longest wait for an endpoint that went down less than a minute ago, where nothing else can serve; 0 answers at once (beyond Olla).',
    }),
    retry_backoff: Duration({
      default: '500ms',
      description: 'Base of the jittered exponential wait before a repeat.',
    }),
    failover_statuses: StatusList(
      failoverStatuses,
      'Answers that move a request to the next endpoint (beyond Olla).',
    ),
    max_retry_wait: Duration({
      default: '5s',
      description: 'Longest wait for a Retry-After before the answer is passed on (beyond Olla).',
    }),
    retry_budget: Section(
      {
        ratio: Fraction(0.2, 'Retries per request that the budget earns.', { maximum: 10 }),
        burst: Count(200, 'Most retries saved up, over all serving threads.', { minimum: 1 }),
      },
      'Limits retries after an endpoint has answered or timed out; refused connections are free (beyond Olla).',
    ),
    queue: Section(
      {
        max_waiting: Count(
          1000,
          'Requests that may wait for an endpoint at max_concurrent; 0 answers 503 at once.',
        ),
        max_wait: Duration({ default: '30s', description: 'Longest wait.' }),
      },
      'Requests wait here while every suitable endpoint is at its max_concurrent, or in a pause that ends in time (beyond Olla).',
    ),
    pool_idle_timeout: Duration({
      default: '5m',
      description: "An endpoint's connection pool without requests is disposed after this (beyond Olla).",
    }),
    management: Flag(
      false,
      'Pass on operations that manage an endpoint (pulling and deleting models, loading adapters, keys of LiteLLM, …) and send its credentials with every path; off: such operations are refused with 501, and credentials go only with inference and model lists (beyond Olla).',
    ),
    circuit_breaker: BreakerSchema,
    usage: Choice(
      ['ask', 'passive', 'off'] as const,
      'ask',
      'Tokens and times of answers. ask: they are read, and streams are asked for their usage, which clients that did not ask do not see; passive: they are read as they come; off: answers are not read (beyond Olla).',
    ),
    sticky_sessions: Section(
      {
        enabled: Flag(false, 'Keep a conversation on one endpoint.'),
        idle_ttl_seconds: Count(
          600,
          'Seconds without an answered request after which a session is forgotten; 0 never.',
        ),
        max_sessions: Count(
          10_000,
          'Sessions kept, of a conversation its last two turns; the least recently used goes first.',
          { minimum: 1 },
        ),
        key_sources: Type.Array(
          Type.Unsafe<(typeof keySources)[number]>({ type: 'string', enum: [...keySources] }),
          {
            default: [
              'session_header',
              'previous_response_id',
              'prompt_cache_key',
              'prefix_hash',
              'auth_header',
            ],
            description:
              'Where the session key is taken from: the first of these that a request has (beyond Olla: ids that clients send).',
          },
        ),
        prefix_hash_bytes: Count(
          512,
          'Size of the blocks by which a prompt without messages is followed (Olla: bytes of the prompt that are hashed).',
          { minimum: 1 },
        ),
        load_bound: Fraction(
          1.5,
          'How many times its part of the load an endpoint may have, plus one request, before a session goes elsewhere; 0 is no bound (beyond Olla).',
          { maximum: 100 },
        ),
      },
      'Sticky sessions.',
    ),
  },
  'How requests reach endpoints.',
)
