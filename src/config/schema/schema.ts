import { type Static, Type } from '@sinclair/typebox'
import { DashboardSchema } from './dashboard-schema.ts'
import { DiscoverySchema, type EndpointSchema } from './discovery-schema.ts'
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
          description: 'A model that was not seen for so long leaves the catalogue; 0 never.',
        }),
        cleanup_interval: Duration({
          default: '10m',
          description: 'How often stale models are looked for; 0 never.',
        }),
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
        fit_max_tokens: Flag(
          false,
          'Lower `max_tokens` to what the model’s context leaves, instead of passing on that it is too large (beyond Olla).',
        ),
        tokenizer: Choice(
          ['rules', 'gpt-tokenizer'] as const,
          'rules',
          'Counts tokens where no endpoint can: `rules` by words and scripts; `gpt-tokenizer` by the vocabulary of that package, which must be installed (beyond Olla).',
        ),
        max_message_size: Bytes({
          default: 33_554_432,
          description:
            'Largest request, as Anthropic’s own API has it by default; at most 100 MiB; 0 is server.request_limits.max_body_size.',
        }),
        ping_interval: Duration({
          default: '15s',
          description:
            'Silence after which a waiting stream gets a `ping` event; from the first one on a failure is told as an event. 0 is never (beyond Olla).',
        }),
        inspector: Section(
          {
            enabled: Flag(false, 'Write requests and answers to files: for development only.'),
            output_dir: Text('logs/inspector/anthropic', 'Folder of the files.'),
            session_header: Text('X-Session-ID', 'Header that names the session.'),
            max_file_size: Bytes({
              default: 10_485_760,
              description: 'A file that has reached it takes no more (beyond Olla).',
            }),
            max_days: Count(7, 'Days whose files are kept (beyond Olla).', { minimum: 1 }),
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
          'Spans and metrics by the package @opentelemetry/api, which must be installed; the process brings the SDK.',
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
          'Models with statistics of their own; those that are asked for beyond share one row.',
          { minimum: 1, maximum: 100_000 },
        ),
        olla_names: Flag(
          true,
          "Olla's names in /internal/metrics as well, for dashboards and alerts that were made for it.",
        ),
        exposed_models: Count(
          200,
          'Models with series of their own in /internal/metrics, those asked for first; all others share one.',
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

/** The loaded configuration: defaults filled in, durations in milliseconds, sizes in bytes. */
export type GatewayConfig = Static<typeof GatewayConfigSchema>
export type EndpointConfig = Static<typeof EndpointSchema>
export type BreakerConfig = Static<typeof BreakerSchema>
export type ProxyConfig = Static<typeof ProxySchema>
export type ServerConfig = Static<typeof ServerSchema>
