import { stringify } from 'yaml'
import type { UnifiedModel } from '../model/unified-model.ts'

/** Programs for which a ready configuration can be printed. */
export const clientNames = [
  'opencode',
  'claude-code',
  'codex',
  'continue',
  'open-webui',
  'crush',
  'zed',
  'env',
] as const

export type ClientName = (typeof clientNames)[number]

export interface ClientConfig {
  readonly contentType: 'application/json' | 'application/yaml' | 'application/toml' | 'text/x-shellscript'
  readonly text: string
}

interface Source {
  /** Where the gateway was asked, without a trailing slash. */
  readonly baseUrl: string
  /** Models that generate text. */
  readonly models: readonly UnifiedModel[]
}

/** The gateway asks for no key, but clients insist on one. */
const anyKey = 'olla'
const defaultContext = 8192

const json = (value: unknown): ClientConfig => ({
  contentType: 'application/json',
  text: `${JSON.stringify(value, null, 2)}\n`,
})
const shell = (lines: readonly string[]): ClientConfig => ({
  contentType: 'text/x-shellscript',
  text: `${lines.join('\n')}\n`,
})

const writers: Record<ClientName, (source: Source) => ClientConfig> = {
  opencode: ({ baseUrl, models }) =>
    json({
      $schema: 'https://opencode.ai/config.json',
      provider: {
        olla: {
          npm: '@ai-sdk/openai-compatible',
          name: 'olla-gateway',
          options: { baseURL: `${baseUrl}/v1`, apiKey: anyKey },
          models: Object.fromEntries(models.map(({ id }) => [id, { name: id }])),
        },
      },
    }),
  'claude-code': ({ baseUrl, models }) =>
    shell([
      '# Any endpoint serves it: requests are translated where it does not speak the Anthropic API itself.',
      '# Where it does, set CLAUDE_CODE_ATTRIBUTION_HEADER to "0" under "env" in ~/.claude/settings.json:',
      '# else the prompt begins otherwise each time, and servers that do not know of it never use their cache.',
      `export ANTHROPIC_BASE_URL=${quoted(baseUrl)}`,
      `export ANTHROPIC_AUTH_TOKEN=${anyKey}`,
      ...firstModel(models, (id) => [
        `export ANTHROPIC_MODEL=${quoted(id)}`,
        `export ANTHROPIC_DEFAULT_HAIKU_MODEL=${quoted(id)}`,
      ]),
    ]),
  codex: ({ baseUrl, models }) => ({
    contentType: 'application/toml',
    text: [
      ...firstModel(models, (id) => [`model = ${JSON.stringify(id)}`]),
      'model_provider = "olla"',
      '',
      '[model_providers.olla]',
      'name = "olla-gateway"',
      `base_url = ${JSON.stringify(`${baseUrl}/v1`)}`,
      'wire_api = "responses"',
      '',
    ].join('\n'),
  }),
  continue: ({ baseUrl, models }) => ({
    contentType: 'application/yaml',
    text: stringify({
      name: 'olla-gateway',
      version: '1.0.0',
      schema: 'v1',
      models: models.map(({ id }) => ({
        name: id,
        provider: 'openai',
        model: id,
        apiBase: `${baseUrl}/v1`,
        apiKey: anyKey,
        roles: ['chat', 'edit', 'apply'],
      })),
    }),
  }),
  'open-webui': ({ baseUrl }) =>
    shell([
      'docker run -d -p 3000:8080 --add-host=host.docker.internal:host-gateway \\',
      `  -e OPENAI_API_BASE_URL=${quoted(`${baseUrl}/v1`)} -e OPENAI_API_KEY=${anyKey} \\`,
      `  -e OLLAMA_BASE_URL=${quoted(baseUrl)} \\`,
      '  -v open-webui:/app/backend/data --name open-webui ghcr.io/open-webui/open-webui:main',
    ]),
  crush: ({ baseUrl, models }) =>
    json({
      $schema: 'https://charm.land/crush.json',
      providers: {
        olla: {
          name: 'olla-gateway',
          type: 'openai-compat',
          base_url: `${baseUrl}/v1`,
          api_key: anyKey,
          models: models.map(({ id, contextLength }) => ({
            id,
            name: id,
            context_window: contextLength ?? defaultContext,
            default_max_tokens: Math.min(8192, Math.floor((contextLength ?? defaultContext) / 2)),
          })),
        },
      },
    }),
  zed: ({ baseUrl, models }) =>
    json({
      language_models: {
        openai_compatible: {
          'olla-gateway': {
            api_url: `${baseUrl}/v1`,
            available_models: models.map(({ id, contextLength }) => ({
              name: id,
              display_name: id,
              max_tokens: contextLength ?? defaultContext,
            })),
          },
        },
      },
    }),
  env: ({ baseUrl }) =>
    shell([
      `export OPENAI_BASE_URL=${quoted(`${baseUrl}/v1`)}`,
      `export OPENAI_API_KEY=${anyKey}`,
      `export OLLAMA_HOST=${quoted(baseUrl)}`,
      `export ANTHROPIC_BASE_URL=${quoted(baseUrl)}`,
      `export ANTHROPIC_AUTH_TOKEN=${anyKey}`,
    ]),
}

/** What to put into a program's configuration so that it uses the gateway. */
export function clientConfig(
  name: ClientName,
  baseUrl: string,
  models: readonly UnifiedModel[],
): ClientConfig {
  return writers[name]({ baseUrl, models: models.filter(({ type }) => type !== 'embeddings') })
}

function firstModel(models: readonly UnifiedModel[], lines: (id: string) => string[]): string[] {
  const [first] = models
  return first === undefined ? [] : lines(first.id)
}

/** For a shell: single quotes keep everything as it is. */
function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
