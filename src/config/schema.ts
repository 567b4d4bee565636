import { type Static, type TProperties, Type } from '@sinclair/typebox'
import { Bytes, Duration } from './units.ts'

/**
 * The one description of the configuration: types, validation, defaults and `config/schema.json` come from
 * it. Keys are Olla's (contract section 2); those that Olla lacks are marked "beyond Olla".
 */

/** An object that rejects keys it does not know; `decode` fills in its defaults. */
function Section<T extends TProperties>(properties: T, description: string) {
  return Type.Object(properties, { additionalProperties: false, description })
}

const Text = (defaultValue: string, description: string) =>
  Type.String({ default: defaultValue, description })
const Flag = (defaultValue: boolean, description: string) =>
  Type.Boolean({ default: defaultValue, description })
const Count = (
  defaultValue: number,
  description: string,
  range: { minimum?: number; maximum?: number } = {},
) => Type.Integer({ default: defaultValue, description, minimum: 0, ...range })
const Fraction = (
  defaultValue: number,
  description: string,
  range: { minimum?: number; maximum?: number } = {},
) => Type.Number({ default: defaultValue, description, minimum: 0, ...range })
const TextList = (defaultValue: readonly string[], description: string) =>
  Type.Array(Type.String(), { default: [...defaultValue], description })
function Choice<const T extends readonly string[]>(values: T, defaultValue: T[number], description: string) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], default: defaultValue, description })
}

const StatusList = (defaultValue: readonly number[], description: string) =>
  Type.Array(Type.Integer({ minimum: 400, maximum: 599 }), { default: [...defaultValue], description })

const globList = (description: string) => TextList([], description)
const FilterSchema = Section(
  {
    include: globList('Globs (`*`, `?`); empty allows all.'),
    exclude: globList('Globs (`*`, `?`); exclude wins over include.'),
  },
  'Which names are allowed; matching ignores case.',
)

const ServerSchema = Section(
  {
    host: Text('localhost', 'Address to listen on.'),
    port: Count(40114, 'Port to listen on; 0 takes a free one.', { maximum: 65535 }),
    read_timeout: Duration({
      default: '30s',
      description: 'Longest time to receive a whole request; 0 is no limit.',
    }),
    read_header_timeout: Duration({
      default: '10s',
      description: 'Longest time to receive the request headers.',
    }),
    write_timeout: Duration({
      default: 0,
      description: 'Longest time to answer a request; 0 (for streams) is no limit.',
    }),
    idle_timeout: Duration({
      default: 0,
      description: 'Keep-alive time of an idle connection; 0 takes read_timeout.',
    }),
    shutdown_timeout: Duration({
      default: '10s',
      description: 'How long in-flight requests may go on after a stop signal.',
    }),
    shutdown_delay: Duration({
      default: 0,
      description:
        'Time between "not ready" and refusing connections, for a load balancer in front (beyond Olla).',
    }),
    request_logging: Flag(true, 'One log line per request.'),
    request_limits: Section(
      {
        max_body_size: Bytes({ default: 104_857_600, description: 'Largest request body, 413 above.' }),
        max_header_size: Bytes({
          default: 1_048_576,
          description: 'Largest request head, 431 above; at least 4096.',
        }),
      },
      'Size limits of requests.',
    ),
    rate_limits: Section(
      {
        global_requests_per_minute: Count(1000, 'All clients together; 0 is off.'),
        per_ip_requests_per_minute: Count(100, 'Each client address; 0 is off.'),
        burst_size: Count(50, 'Requests of one client that may come at once.', { minimum: 1 }),
        global_burst_size: Count(
          0,
          'Requests of all clients that may come at once; 0: as many as a minute allows (beyond Olla).',
        ),
        health_requests_per_minute: Count(1000, 'Each client address on /internal/* and /version; 0 is off.'),
        cleanup_interval: Duration({
          default: '5m',
          description: 'How often buckets of idle clients are dropped.',
        }),
        trust_proxy_headers: Flag(false, 'Take the client address from X-Forwarded-For of trusted proxies.'),
        trusted_proxy_cidrs: TextList(
          ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
          'Networks whose X-Forwarded-For is believed; the client is the right-most address outside them.',
        ),
      },
      'Rate limits: token buckets, per client address and for all.',
    ),
    cors: Section(
      {
        enabled: Flag(false, 'Answer cross-origin requests of browsers.'),
        allowed_origins: TextList(['*'], 'Origins, `*` for all.'),
        allowed_methods: TextList(['GET', 'POST', 'OPTIONS'], 'Methods.'),
        allowed_headers: TextList(['*'], 'Request headers, `*` for all.'),
        exposed_headers: TextList(
          [],
          'Response headers a page may read; empty: all X-Olla-*, X-RateLimit-* and Retry-After.',
        ),
        allow_credentials: Flag(false, 'Allow cookies and auth; not together with origin `*`.'),
        max_age: Count(300, 'Seconds a preflight answer is kept.'),
      },
      'Cross-origin requests.',
    ),
  },
  'The listener and what it lets in.',
)

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
    failure_statuses: StatusList([500, 501, 502, 503, 504], 'Answers that count as failures.'),
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

const ProxySchema = Section(
  {
    engine: Choice(
      ['olla', 'sherpa'] as const,
      'olla',
      'olla: undici straight to the response; sherpa: @fastify/reply-from.',
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
    retry_backoff: Duration({
      default: '500ms',
      description: 'Base of the jittered exponential wait before a repeat.',
    }),
    failover_statuses: StatusList(
      [429, 502, 503, 504],
      'Answers that move a request to the next endpoint (beyond Olla).',
    ),
    max_retry_wait: Duration({
      default: '5s',
      description: 'Longest wait for a Retry-After before the answer is passed on (beyond Olla).',
    }),
    retry_budget: Section(
      {
        ratio: Fraction(0.2, 'Retries per request that the budget earns.', { maximum: 10 }),
        burst: Count(200, 'Most retries saved up.', { minimum: 1 }),
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
      'Requests wait here while every suitable endpoint is at its max_concurrent (beyond Olla).',
    ),
    pool_idle_timeout: Duration({
      default: '5m',
      description: "An endpoint's connection pool without requests is disposed after this (beyond Olla).",
    }),
    circuit_breaker: BreakerSchema,
    sticky_sessions: Section(
      {
        enabled: Flag(false, 'Keep a conversation on one endpoint.'),
        idle_ttl_seconds: Count(
          600,
          'Seconds without a request after which a session is forgotten; 0 never.',
        ),
        max_sessions: Count(10_000, 'Sessions kept; the least recently used goes first.', { minimum: 1 }),
        key_sources: Type.Array(
          Type.Unsafe<'session_header' | 'prefix_hash' | 'auth_header' | 'ip'>({
            type: 'string',
            enum: ['session_header', 'prefix_hash', 'auth_header', 'ip'],
          }),
          {
            default: ['session_header', 'prefix_hash', 'auth_header'],
            description: 'Where the session key is taken from, in order.',
          },
        ),
        prefix_hash_bytes: Count(512, 'Bytes of the prompt that are hashed.', { minimum: 1 }),
      },
      'Sticky sessions.',
    ),
  },
  'How requests reach endpoints.',
)

const AuthSchema = Section(
  {
    type: Type.Unsafe<'bearer' | 'api_key' | 'basic'>({
      type: 'string',
      enum: ['bearer', 'api_key', 'basic'],
      description: 'bearer: token; api_key: key and header; basic: username and password.',
    }),
    token: Type.Optional(Type.String({ description: 'Bearer token.' })),
    token_file: Type.Optional(Type.String({ description: 'File that holds the token.' })),
    key: Type.Optional(Type.String({ description: 'API key.' })),
    key_file: Type.Optional(Type.String({ description: 'File that holds the key.' })),
    header: Type.Optional(Type.String({ description: 'Header of the key, X-Api-Key by default.' })),
    username: Type.Optional(Type.String({ description: 'User name.' })),
    username_file: Type.Optional(Type.String({ description: 'File that holds the user name.' })),
    password: Type.Optional(Type.String({ description: 'Password.' })),
    password_file: Type.Optional(Type.String({ description: 'File that holds the password.' })),
  },
  'Credentials the gateway sends to this endpoint; `${VAR}` and `${VAR:-default}` are expanded.',
)

export const EndpointSchema = Section(
  {
    url: Type.String({ minLength: 1, description: 'Base URL; no credentials in it.' }),
    name: Type.Optional(Type.String({ minLength: 1, description: 'Unique name; host:port if absent.' })),
    type: Text('auto', 'Profile name or URL prefix (`ollama`, `vllm`, `lm-studio`, …) or `auto`.'),
    priority: Count(100, 'Higher is preferred.'),
    weight: Fraction(1, 'Share of requests among endpoints of the same priority (beyond Olla).', {
      maximum: 1000,
    }),
    max_concurrent: Count(0, 'Most requests at a time; 0 is no limit (beyond Olla).'),
    health_check_url: Type.Optional(
      Type.String({ description: "Path or absolute URL; the profile's if absent." }),
    ),
    model_url: Type.Optional(Type.String({ description: "Path or absolute URL; the profile's if absent." })),
    check_interval: Duration({ default: '5s', description: 'Time between probes, at least 1s.' }),
    check_timeout: Duration({
      default: '2s',
      description: 'Limit of one probe: at most 30s and less than the interval.',
    }),
    preserve_path: Flag(false, "Put the path of `url` before the request's path."),
    model_filter: FilterSchema,
    auth: Type.Optional(AuthSchema),
    headers: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Headers sent with every request, probe and discovery.',
    }),
    timeouts: TimeoutsSchema,
    circuit_breaker: Type.Optional(Type.Partial(BreakerSchema, { additionalProperties: false })),
  },
  'One inference server.',
)

const DiscoverySchema = Section(
  {
    type: Choice(['static'] as const, 'static', 'Where endpoints come from.'),
    refresh_interval: Duration({
      default: '30s',
      description: 'How often `*_file` secrets are read again and unknown `auto` types are asked again.',
    }),
    static: Section(
      {
        endpoints: Type.Array(EndpointSchema, { default: [], description: 'The inference servers.' }),
      },
      'Endpoints of this file.',
    ),
    model_discovery: Section(
      {
        enabled: Flag(true, 'Ask endpoints for their models.'),
        interval: Duration({ default: '5m', description: "Time between two looks at an endpoint's models." }),
        timeout: Duration({ default: '30s', description: 'Limit of one look.' }),
        concurrent_workers: Count(5, 'Looks at a time.', { minimum: 1, maximum: 1000 }),
        retry_attempts: Count(3, 'Quick repeats of a failed look.', { maximum: 20 }),
        retry_backoff: Duration({
          default: '1s',
          description: 'Base of the jittered exponential wait between repeats.',
        }),
      },
      'Model discovery.',
    ),
    residency_interval: Duration({
      default: '10s',
      description: 'How often endpoints are asked what they hold in memory; 0 never (beyond Olla).',
    }),
    health: Section(
      {
        slow_start: Duration({
          default: '10s',
          description: 'How long a recovered endpoint is `warming`, with a growing share; 0 is off.',
        }),
        busy_threshold: Duration({
          default: '1s',
          description: 'A probe slower than this makes the endpoint `busy`; 0 is off.',
        }),
        jitter: Fraction(0.1, 'Random part of probe intervals.', { maximum: 0.5 }),
        max_backoff: Duration({
          default: 0,
          description:
            'Longest interval between probes of a failing endpoint; 0: never longer than check_interval.',
        }),
        concurrent_probes: Count(10, 'Probes at a time.', { minimum: 1, maximum: 1000 }),
      },
      'Health checks (beyond Olla).',
    ),
  },
  'Endpoints and what is found on them.',
)

const ModelRegistrySchema = Section(
  {
    type: Choice(['memory'] as const, 'memory', 'Where the catalogue is kept.'),
    enable_unifier: Flag(true, 'Merge the same model of several endpoints.'),
    routing_strategy: Section(
      {
        type: Choice(
          ['strict', 'optimistic', 'discovery'] as const,
          'strict',
          'What happens to a model that no endpoint is known to have.',
        ),
        options: Section(
          {
            fallback_behavior: Choice(
              ['compatible_only', 'none', 'all'] as const,
              'compatible_only',
              'Where a request may go instead.',
            ),
            discovery_timeout: Duration({ default: '2s', description: 'Limit of a refresh on miss.' }),
            discovery_refresh_on_miss: Flag(false, 'Ask the endpoints again when a model is unknown.'),
          },
          'Options of the strategy.',
        ),
      },
      'Routing of requests by model.',
    ),
    rewrite_response_model: Flag(
      true,
      'Where another name was sent upstream (alias, fallback), answers carry the name that was asked for (beyond Olla).',
    ),
    unification: Section(
      {
        stale_threshold: Duration({
          default: '24h',
          description: 'A model that was not seen for so long leaves the catalogue.',
        }),
        cleanup_interval: Duration({ default: '10m', description: 'How often stale models are looked for.' }),
      },
      'Keeping of the catalogue.',
    ),
  },
  'The model catalogue.',
)

const TranslatorsSchema = Section(
  {
    anthropic: Section(
      {
        enabled: Flag(true, 'Serve the Anthropic Messages API.'),
        passthrough_enabled: Flag(true, 'Pass requests unchanged to endpoints that speak it.'),
        max_message_size: Bytes({ default: 10_485_760, description: 'Largest request, at most 100 MiB.' }),
        inspector: Section(
          {
            enabled: Flag(false, 'Write requests and answers to files: for development only.'),
            output_dir: Text('logs/inspector/anthropic', 'Folder of the files.'),
            session_header: Text('X-Session-ID', 'Header that names the session.'),
          },
          'Request recorder.',
        ),
      },
      'Anthropic Messages API.',
    ),
  },
  'Other APIs in front of the endpoints.',
)

const LoggingSchema = Section(
  {
    level: Choice(['debug', 'info', 'warn', 'error'] as const, 'info', 'Least level that is written.'),
    format: Choice(['json', 'text'] as const, 'json', 'text is for people; on a terminal it is the default.'),
    output: Choice(['stdout', 'file'] as const, 'stdout', 'file: to `dir` as well as to standard output.'),
    dir: Text('./logs', 'Folder of the log files.'),
    max_size_mb: Count(1, 'Size at which a new file is begun.', { minimum: 1 }),
    max_backups: Count(7, 'Old files kept.'),
    max_age_days: Count(14, 'Days that old files are kept.'),
  },
  'Logs.',
)

const DashboardSchema = Section(
  {
    enabled: Flag(true, 'Serve the dashboard.'),
    access_policy: Section(
      {
        allowed_cidrs: TextList(['127.0.0.0/8', '::1/128'], 'Networks that may open it.'),
        allowed_hosts: TextList(['localhost'], 'Host names it may be opened under.'),
      },
      'Who may open it.',
    ),
    gate_internal_api: Flag(false, 'The same rules for all of /internal/*.'),
  },
  'The dashboard.',
)

export const GatewayConfigSchema = Section(
  {
    server: ServerSchema,
    proxy: ProxySchema,
    discovery: DiscoverySchema,
    model_registry: ModelRegistrySchema,
    translators: TranslatorsSchema,
    logging: LoggingSchema,
    engineering: Section(
      { show_nerdstats: Flag(false, 'Print process statistics at shutdown.') },
      'For engineers.',
    ),
    dashboard: DashboardSchema,
    model_aliases: Type.Record(
      Type.String(),
      Type.Union([
        Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
        Section(
          {
            targets: Type.Array(
              Type.Union([
                Type.String({ minLength: 1 }),
                Section(
                  {
                    model: Type.String({ minLength: 1, description: 'Real model name.' }),
                    weight: Fraction(1, 'Share of requests among targets that can be served.', {
                      maximum: 1000,
                    }),
                  },
                  'A target with a weight.',
                ),
              ]),
              { minItems: 1, description: 'In order of preference.' },
            ),
          },
          'Targets in order: the next one serves when no endpoint can serve those before it; with weights, all share.',
        ),
      ]),
      {
        default: {},
        description: 'Virtual model name to the names it stands for; a plain list pools them, as in Olla.',
      },
    ),
    model_fallbacks: Type.Record(Type.String(), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }), {
      default: {},
      description: 'Models that are tried in order where none can serve the one asked for (beyond Olla).',
    }),
    model_filter: FilterSchema,
    profiles: Section(
      {
        directory: Text(
          '',
          'Folder of your own backend profiles (YAML); they add to the built-in ones or replace them by name (beyond Olla).',
        ),
      },
      'Backend profiles.',
    ),
  },
  'olla-gateway configuration.',
)

/** The configuration behind the loader: defaults filled in, durations in milliseconds, sizes in bytes. */
export type GatewayConfig = Static<typeof GatewayConfigSchema>
export type EndpointConfig = Static<typeof EndpointSchema>
export type BreakerConfig = Static<typeof BreakerSchema>
export type ProxyConfig = Static<typeof ProxySchema>
export type ServerConfig = Static<typeof ServerSchema>
