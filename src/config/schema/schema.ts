import { type Static, Type } from '@sinclair/typebox'
import { CallersSchema } from './callers-schema.ts'
import { ClusterSchema } from './cluster-schema.ts'
import { DashboardSchema } from './dashboard-schema.ts'
import { DiscoverySchema, type EndpointSchema } from './discovery-schema.ts'
import { ModelsSchema } from './models-schema.ts'
import { type BreakerSchema, ProxySchema } from './proxy-schema.ts'
import { Choice, Count, FilterSchema, Flag, Fraction, Section, Text } from './sections.ts'
import { ServerSchema } from './server-schema.ts'
import { Bytes, Duration } from './units.ts'

/**
 * The single description of the configuration: types, validation, defaults and `config/schema.json` derive from it.
 * Keys are Olla's (contract section 2); additional ones are marked "beyond Olla".
 */

const ModelRegistrySchema = Section(
  {
    type: Choice(['memory'] as const, 'memory', 'Store of the catalogue.'),
    enable_unifier: Flag(true, 'Merge the same model on several endpoints.'),
    routing_strategy: Section(
      {
        type: Choice(
          ['strict', 'optimistic', 'discovery'] as const,
          'strict',
          'Handling of models that no endpoint is known to have.',
        ),
        options: Section(
          {
            fallback_behavior: Choice(
              ['compatible_only', 'none', 'all'] as const,
              'compatible_only',
              'Where to route a request instead.',
            ),
            discovery_timeout: Duration({ default: '2s', description: 'Limit of a refresh on miss.' }),
            discovery_refresh_on_miss: Flag(false, 'Query the endpoints again if a model is unknown.'),
          },
          'Options of the strategy.',
        ),
      },
      'Routing of requests by model.',
    ),
    rewrite_response_model: Flag(
      true,
      'If the gateway sent another name upstream (alias, fallback), return the requested name in responses (beyond Olla).',
    ),
    unification: Section(
      {
        stale_threshold: Duration({
          default: '24h',
          description:
            'Time without being listed after which a model is removed from the catalogue; 0 means never.',
        }),
        cleanup_interval: Duration({
          default: '10m',
          description: 'Interval at which stale models are removed; 0 means never.',
        }),
      },
      'Maintenance of the catalogue.',
    ),
  },
  'The model catalogue.',
)

const TranslatorsSchema = Section(
  {
    anthropic: Section(
      {
        enabled: Flag(true, 'Serve the Anthropic Messages API.'),
        passthrough_enabled: Flag(true, 'Forward requests unchanged to endpoints that support the API.'),
        fit_max_tokens: Flag(
          false,
          'Lower `max_tokens` to the free space in the model’s context, instead of forwarding the endpoint’s error (beyond Olla).',
        ),
        tokenizer: Choice(
          ['rules', 'gpt-tokenizer'] as const,
          'rules',
          'Token counter if no endpoint has one: `rules` estimates by words and scripts; `gpt-tokenizer` uses the vocabulary of that package, which must be installed (beyond Olla).',
        ),
        max_message_size: Bytes({
          default: 33_554_432,
          description:
            'Maximum request, by default as in Anthropic’s own API; at most 100 MiB; 0 uses server.request_limits.max_body_size.',
        }),
        ping_interval: Duration({
          default: '15s',
          description:
            'Silence after which a waiting stream gets a `ping` event; after the first one, failures are reported as events. 0 means never (beyond Olla).',
        }),
        inspector: Section(
          {
            enabled: Flag(false, 'Write requests and responses to files, for development only.'),
            output_dir: Text('logs/inspector/anthropic', 'Folder of the files.'),
            session_header: Text('X-Session-ID', 'Header that names the session.'),
            max_file_size: Bytes({
              default: 10_485_760,
              description: 'Size at which a file gets no further entries (beyond Olla).',
            }),
            max_days: Count(7, 'Days for which files are kept (beyond Olla).', { minimum: 1 }),
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
    level: Choice(['debug', 'info', 'warn', 'error'] as const, 'info', 'Minimum level to log.'),
    format: Choice(['json', 'text'] as const, 'json', 'text is for people and the default on a terminal.'),
    output: Choice(['stdout', 'file'] as const, 'stdout', 'file: to `dir` as well as to standard output.'),
    dir: Text('./logs', 'Folder of the log files.'),
    max_size_mb: Count(1, 'Size at which a new file is started.', { minimum: 1 }),
    max_backups: Count(7, 'Old files kept.'),
    max_age_days: Count(14, 'Days for which old files are kept.'),
  },
  'Logs.',
)

export const GatewayConfigSchema = Section(
  {
    server: ServerSchema,
    proxy: ProxySchema,
    discovery: DiscoverySchema,
    model_registry: ModelRegistrySchema,
    translators: TranslatorsSchema,
    logging: LoggingSchema,
    telemetry: Section(
      {
        enabled: Flag(
          false,
          'Spans and metrics through the package @opentelemetry/api, which must be installed; the process provides the SDK.',
        ),
        traces: Flag(true, 'A span for each request and for each of its attempts.'),
        metrics: Flag(true, 'Metrics of the GenAI semantic conventions.'),
      },
      'OpenTelemetry (beyond Olla).',
    ),
    metrics: Section(
      {
        tracked_models: Count(
          5_000,
          'Maximum models with separate statistics; further models share one row.',
          { minimum: 1, maximum: 100_000 },
        ),
        olla_names: Flag(true, "Add Olla's names to /internal/metrics, for existing dashboards and alerts."),
        exposed_models: Count(
          200,
          'Maximum models with separate series in /internal/metrics, in order of first request; all others share one.',
          { maximum: 100_000 },
        ),
      },
      'Statistics and /internal/metrics (beyond Olla).',
    ),
    engineering: Section(
      { show_nerdstats: Flag(false, 'Print process statistics at shutdown.') },
      'For engineers.',
    ),
    dashboard: DashboardSchema,
    callers: CallersSchema,
    cluster: ClusterSchema,
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
                    weight: Fraction(1, 'Share of requests among the available targets.', {
                      maximum: 1000,
                    }),
                  },
                  'A target with a weight.',
                ),
              ]),
              { minItems: 1, description: 'In order of preference.' },
            ),
          },
          'Targets in order: each serves if no endpoint can serve those before it; with weights, all share the requests.',
        ),
      ]),
      {
        default: {},
        description: 'Maps a virtual model name to model names; a plain list pools them, as in Olla.',
      },
    ),
    model_fallbacks: Type.Record(Type.String(), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }), {
      default: {},
      description: 'Models to try in order if no endpoint can serve the requested one (beyond Olla).',
    }),
    model_filter: FilterSchema,
    models: ModelsSchema,
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

/** The loaded configuration: defaults filled in, durations in milliseconds, sizes in bytes. */
export type GatewayConfig = Static<typeof GatewayConfigSchema>
export type EndpointConfig = Static<typeof EndpointSchema>
export type BreakerConfig = Static<typeof BreakerSchema>
export type ProxyConfig = Static<typeof ProxySchema>
export type ServerConfig = Static<typeof ServerSchema>
