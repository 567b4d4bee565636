import { stringify } from 'yaml'
import { canChat, type ModelSource, type UnifiedModel } from '../../routing/models/unified-model.ts'

/** Programs that the gateway can print a configuration for. */
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
  /** URL under which the client reached the gateway, without a trailing slash. */
  readonly baseUrl: string
  /** Chat models, the recommended default first. */
  readonly models: readonly UnifiedModel[]
  readonly hasResponses: HasResponses
}

/** Whether an endpoint has the Responses API; undefined if unknown. */
export type HasResponses = (endpoint: ModelSource['endpoint']) => boolean | undefined

/** The gateway needs no key, but clients insist on one. */
const anyKey = 'olla'
/** VS Code's default if a server reports none: agents cannot start with much less. */
const defaultContext = 32_768
const maxOutput = 8192

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
          models: Object.fromEntries(models.map((model) => [model.id, openCodeModel(model)])),
        },
      },
    }),
  'claude-code': ({ baseUrl, models }) =>
    shell([
      '# Any endpoint can serve it: the gateway translates requests for endpoints without the Anthropic API.',
      '# For endpoints with it, set CLAUDE_CODE_ATTRIBUTION_HEADER to "0" under "env" in ~/.claude/settings.json:',
      '# otherwise each prompt starts differently, and servers that do not handle that never use their cache.',
      `export ANTHROPIC_BASE_URL=${quoted(baseUrl)}`,
      `export ANTHROPIC_AUTH_TOKEN=${anyKey}`,
      ...firstModel(models, (id) => [
        `export ANTHROPIC_MODEL=${quoted(id)}`,
        `export ANTHROPIC_DEFAULT_HAIKU_MODEL=${quoted(id)}`,
      ]),
    ]),
  codex: (source) => ({ contentType: 'application/toml', text: codexConfig(source) }),
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
          models: models.map((model) => ({
            id: model.id,
            name: model.id,
            context_window: contextOf(model) ?? defaultContext,
            default_max_tokens: outputOf(contextOf(model) ?? defaultContext),
            ...(seesImages(model) ? { supports_attachments: true } : {}),
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
            available_models: models.map((model) => ({
              name: model.id,
              display_name: model.id,
              max_tokens: contextOf(model) ?? defaultContext,
              max_output_tokens: outputOf(contextOf(model) ?? defaultContext),
              capabilities: {
                tools: model.abilities.tools ?? true,
                images: seesImages(model),
                parallel_tool_calls: false,
                prompt_cache_key: false,
              },
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

/** Returns the configuration that makes a program use the gateway. */
export function clientConfig(
  name: ClientName,
  baseUrl: string,
  models: readonly UnifiedModel[],
  hasResponses: HasResponses,
): ClientConfig {
  const chatting = models.filter(canChat)
  // Agents are of no use without tools, and a loaded model answers at once.
  const rank = ({ abilities, sources }: UnifiedModel) =>
    (abilities.tools === true ? 0 : abilities.tools === undefined ? 2 : 4) +
    (sources.some(({ state }) => state === 'loaded') ? 0 : 1)
  return writers[name]({ baseUrl, models: chatting.sort((a, b) => rank(a) - rank(b)), hasResponses })
}

/** With these limits opencode compacts a session in time. */
function openCodeModel(model: UnifiedModel) {
  const context = contextOf(model)
  return {
    name: model.id,
    ...(context === undefined ? {} : { limit: { context, output: outputOf(context) } }),
    ...(model.abilities.tools === undefined ? {} : { tool_call: model.abilities.tools }),
    ...(seesImages(model) ? { attachment: true } : {}),
  }
}

/** Codex supports only the Responses API. If no endpoint has it, the lines stay comments. */
function codexConfig({ baseUrl, models, hasResponses }: Source): string {
  const served = models.find(({ sources }) => sources.some(({ endpoint }) => hasResponses(endpoint) === true))
  const maybe = models.find(({ sources }) => sources.some(({ endpoint }) => hasResponses(endpoint) !== false))
  const model = served ?? maybe
  const context = model === undefined ? undefined : contextOf(model)
  const lines = [
    ...(model === undefined ? [] : [`model = ${JSON.stringify(model.id)}`]),
    ...(context === undefined ? [] : [`model_context_window = ${context}`]),
    'model_provider = "olla"',
    '',
    '[model_providers.olla]',
    'name = "olla-gateway"',
    `base_url = ${JSON.stringify(`${baseUrl}/v1`)}`,
    'wire_api = "responses"',
  ]
  if (served !== undefined) return `${lines.join('\n')}\n`
  const why =
    models.length === 0
      ? 'no chat model was found yet'
      : `no endpoint is known to have ${maybe === undefined ? 'it: they answer 404' : 'it'}`
  return [
    `# Codex needs the Responses API (/v1/responses), and ${why}.`,
    '# llama.cpp (build 7800), Ollama (0.13.3), vLLM (0.10), LM Studio and LiteLLM have it. Clients that use chat',
    '# completions or the Anthropic API (opencode, Claude Code) work with every endpoint.',
    '# If an endpoint has it, uncomment these lines:',
    ...lines.map((line) => (line === '' ? '#' : `# ${line}`)),
    '',
  ].join('\n')
}

/** Prefers the context length that the model was loaded with, because it applies wherever a request goes. */
function contextOf({ contextInForce, contextLength }: UnifiedModel): number | undefined {
  return contextInForce ?? contextLength
}

function outputOf(context: number): number {
  return Math.min(maxOutput, Math.floor(context / 2))
}

function seesImages({ abilities, type }: UnifiedModel): boolean {
  return abilities.vision ?? type === 'vlm'
}

function firstModel(models: readonly UnifiedModel[], lines: (id: string) => string[]): string[] {
  const [first] = models
  return first === undefined ? [] : lines(first.id)
}

/** Quotes for a shell: single quotes preserve every character. */
function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
