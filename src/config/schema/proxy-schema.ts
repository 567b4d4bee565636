import { Type } from '@sinclair/typebox'
import { httpClients } from '../../http/client/contract.ts'
import { failoverStatuses, failureStatuses } from '../../kernel/failure-statuses.ts'
import { keySources } from './key-sources.ts'
import { QueueSchema } from './queue-schema.ts'
import { Choice, Count, FilterSchema, Flag, Fraction, globList, Section, StatusList } from './sections.ts'
import { strategyNames } from './strategy-names.ts'
import { Bytes, Duration } from './units.ts'

export const BreakerSchema = Section(
  {
    enabled: Flag(true, 'Off: the breaker allows every request.'),
    failure_threshold: Count(5, 'Consecutive failures that open the circuit.', { minimum: 1 }),
    open_duration: Duration({
      default: '30s',
      description: 'Time for which an open circuit rejects requests before it allows one trial.',
    }),
    trial_timeout: Duration({
      default: '30s',
      description: 'Time after which the next request takes over an unfinished trial.',
    }),
    failure_statuses: StatusList(failureStatuses, 'Response statuses that count as failures.'),
    connection_errors: Flag(true, 'Count refused, reset and closed connections as failures.'),
    timeouts: Flag(true, 'Count connect, first-byte and idle timeouts as failures.'),
    slow_first_byte: Duration({
      default: 0,
      description: 'A time to first byte above this counts as a failure; 0 disables the check.',
    }),
  },
  "Circuit breaker of an endpoint (thresholds beyond Olla, defaults Olla's).",
)

export const TimeoutsSchema = Section(
  {
    connect: Duration({ default: 0, description: '0 uses proxy.connection_timeout.' }),
    tls: Duration({ default: 0, description: '0 uses proxy.tls_handshake_timeout.' }),
    first_byte: Duration({ default: 0, description: '0 uses proxy.response_header_timeout.' }),
    idle: Duration({ default: 0, description: '0 uses proxy.read_timeout.' }),
    total: Duration({ default: 0, description: '0 uses proxy.response_timeout.' }),
  },
  'Time limits of this endpoint (beyond Olla).',
)

export const ProxySchema = Section(
  {
    engine: Choice(
      ['olla', 'sherpa'] as const,
      'olla',
      'olla: dedicated connections, written directly to the response; sherpa: undici, over the pools that probes use.',
    ),
    http_client: Choice(
      httpClients,
      'own',
      "The olla engine's HTTP/1.1 client. own: the gateway's client, with less CPU and memory per request; undici: the client of the Node.js project (beyond Olla).",
    ),
    load_balancer: Choice(
      strategyNames,
      'least-connections',
      'How the gateway selects one of several suitable endpoints.',
    ),
    priority_tiers: Flag(
      true,
      'Send requests to lower priorities only if no higher one can serve them (beyond Olla; `priority` always does).',
    ),
    profile: Choice(
      ['auto', 'streaming', 'standard'] as const,
      'auto',
      'streaming: forward every chunk at once; standard: collect chunks up to stream_buffer_size; auto: depends on the content type.',
    ),
    profile_filter: FilterSchema,
    connection_timeout: Duration({
      default: '60s',
      description: 'Limit for the TCP connection to an endpoint.',
    }),
    connection_keep_alive: Duration({
      default: '30s',
      description: 'TCP keep-alive interval of connections to endpoints.',
    }),
    response_timeout: Duration({
      default: '15m',
      description: 'Limit for a whole request, including all attempts; 0 means no limit.',
    }),
    read_timeout: Duration({
      default: '10m',
      description: 'Maximum time between two chunks of a response.',
    }),
    response_header_timeout: Duration({
      default: '10m',
      description:
        'Limit from sending the request to the first byte of the response (Olla: 30s, which ends long generations).',
    }),
    cold_start_timeout: Duration({
      default: '15m',
      description:
        'Replaces response_header_timeout if the endpoint must load the model first (beyond Olla).',
    }),
    warm_margin: Count(
      2,
      'Prefer an endpoint that has the model in memory, as long as it has at most this many more requests than others (beyond Olla).',
    ),
    tls_handshake_timeout: Duration({
      default: '10s',
      description: 'Limit for the TLS handshake with an endpoint.',
    }),
    stream_buffer_size: Bytes({
      default: 65_536,
      description: 'Bytes buffered for a slow client before the gateway pauses the endpoint.',
    }),
    max_retries: Count(
      3,
      'Maximum retries on endpoints already tried; the gateway always tries untried endpoints.',
      { maximum: 100 },
    ),
    max_attempts: Count(
      6,
      'Maximum attempts per request that reach an endpoint, regardless of the number of endpoints; connections that could not be established do not count (beyond Olla).',
      { minimum: 1, maximum: 1000 },
    ),
    outage_wait: Duration({
      default: '5s',
      description:
        'Maximum wait for an endpoint that went down less than a minute ago, if no other can serve; 0 responds at once (beyond Olla).',
    }),
    first_content_wait: Duration({
      default: '10s',
      description:
        'Maximum time, from its first byte, to hold back a stream that has had no content, so that a failure before its first token still leads to another endpoint; 0 sends the first event at once (beyond Olla).',
    }),
    continuation: Section(
      {
        enabled: Flag(
          false,
          'A stream of text that breaks off is continued once on another endpoint whose engine can continue a text; off: the client gets an error event.',
        ),
        max_text_bytes: Bytes({
          default: 262_144,
          description: 'Maximum text of an answer that is kept for that; a longer one is not continued.',
        }),
      },
      'Continuation of broken streams (beyond Olla).',
    ),
    retry_backoff: Duration({
      default: '500ms',
      description: 'Base of the jittered exponential backoff before a retry.',
    }),
    failover_statuses: StatusList(
      failoverStatuses,
      'Response statuses that trigger failover to the next endpoint (beyond Olla).',
    ),
    max_retry_wait: Duration({
      default: '5s',
      description: 'Maximum wait for a Retry-After before the gateway forwards the response (beyond Olla).',
    }),
    retry_budget: Section(
      {
        ratio: Fraction(0.2, 'Retries that each request adds to the budget.', { maximum: 10 }),
        burst: Count(200, 'Maximum retries in the budget, for all serving threads together.', { minimum: 1 }),
      },
      'Limits retries after an endpoint has responded or timed out; refused connections cost nothing (beyond Olla).',
    ),
    hedging: Section(
      {
        enabled: Flag(
          false,
          'Send a request a second time, to an idle endpoint that has the model in memory, if the first content of its stream is late; the attempt that answers later is aborted.',
        ),
        share: Fraction(0.05, 'Second attempts that each request adds to the budget.', { maximum: 1 }),
        burst: Count(10, 'Maximum second attempts in the budget, for all serving threads together.', {
          minimum: 1,
          maximum: 100_000,
        }),
        min_samples: Count(
          50,
          'Streams of a model whose time to the first content must be known before its requests get second attempts.',
          { minimum: 1, maximum: 250 },
        ),
      },
      "Second attempts after the 95th percentile of the model's time to the first content (beyond Olla).",
    ),
    queue: QueueSchema,
    pool_idle_timeout: Duration({
      default: '5m',
      description: "Time without requests after which an endpoint's connection pool is closed (beyond Olla).",
    }),
    management: Flag(
      false,
      'Forward operations that manage an endpoint (pulling and deleting models, loading adapters, keys of LiteLLM, …) and send its credentials with every path; off: reject such operations with 501, and send credentials only with inference and model lists (beyond Olla).',
    ),
    management_endpoints: globList(
      'Ollama endpoints that clients within dashboard.access_policy may manage with `/api/pull`, `push`, `create`, `copy`, `delete` and `blobs`: names or globs, `*` for all. Requests go to all matching endpoints, with one combined answer; none: as `management` says (beyond Olla).',
    ),
    circuit_breaker: BreakerSchema,
    usage: Choice(
      ['ask', 'passive', 'off'] as const,
      'ask',
      'Token counts and times of responses. ask: parse responses, and request usage for streams, which is hidden from clients that did not request it; passive: parse responses as they are; off: do not parse responses (beyond Olla).',
    ),
    stream_upstream: Choice(
      ['auto', 'always', 'never'] as const,
      'auto',
      'Whether to ask the endpoint for a stream when the client asks for a whole generated answer, and to assemble the answer, so that read_timeout, cancellation and failover apply while the endpoint generates. auto: endpoints from which a stream of that path has ended properly; always: all endpoints; never: off (beyond Olla).',
    ),
    translation: Section(
      {
        enabled: Flag(
          true,
          "Translate requests for endpoints that do not have the client's API: Chat Completions, Responses, Messages, Ollama and plain completions to each other.",
        ),
        unsupported: Choice(
          ['refuse', 'drop'] as const,
          'refuse',
          "What happens to parts of a request that the endpoint's API cannot express and that change the answer. refuse: reject the request with an error that names them; drop: leave them out and name them in X-Olla-Dropped.",
        ),
        stored_responses: Section(
          {
            max_responses: Count(
              1_000,
              'Maximum responses and conversations; the least recently used is evicted first. 0 keeps none, so that clients cannot continue a translated response.',
            ),
            max_size: Bytes({
              default: 67_108_864,
              description: 'Maximum memory, for all serving threads together.',
            }),
            max_background: Count(
              100,
              'Maximum responses with background: true that are in progress at a time, in memory of at most max_size. 0 leaves background to the endpoints.',
            ),
            idle_ttl: Duration({
              default: '24h',
              description: 'Time without use after which a response or conversation expires; 0 means never.',
            }),
          },
          'Translated responses and all conversations of the Responses API that the gateway keeps for previous_response_id, conversation, /v1/responses/{id} and /v1/conversations. Responses with store: false are not kept.',
        ),
      },
      'Translation between APIs (beyond Olla; Messages for any endpoint as Olla does).',
    ),
    sticky_sessions: Section(
      {
        enabled: Flag(false, 'Keep a conversation on one endpoint.'),
        idle_ttl_seconds: Count(
          600,
          'Seconds without a response after which a session expires; 0 means never.',
        ),
        max_sessions: Count(
          10_000,
          'Maximum sessions (a conversation uses one for each of its last two turns); the least recently used is evicted first.',
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
              'Sources of the session key; the first one present in a request is used (beyond Olla: IDs that clients send).',
          },
        ),
        prefix_hash_bytes: Count(
          512,
          'Size of the blocks in which a prompt without messages is matched (Olla: bytes of the prompt that are hashed).',
          { minimum: 1 },
        ),
        load_bound: Fraction(
          1.5,
          'Multiple of its share of the load, plus one request, up to which an endpoint keeps its sessions; 0 means no bound (beyond Olla).',
          { maximum: 100 },
        ),
      },
      'Sticky sessions.',
    ),
  },
  'How requests reach endpoints.',
)
