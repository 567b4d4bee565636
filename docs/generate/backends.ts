import type { BackendProfile } from '../../src/endpoints/profiles/profile.ts'
import { ProfileStore } from '../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../src/kernel/package.ts'
import { cell, code, table } from './markdown.ts'

/** The built-in backend profiles as a Markdown page. */
export function backendReference(): string {
  const store = new ProfileStore({ builtIn: profilesFolder })
  const prefixes = new Map<string, string[]>()
  for (const [prefix, name] of store.prefixes()) prefixes.set(name, [...(prefixes.get(name) ?? []), prefix])
  const rows = store
    .all()
    .map((profile) => [
      profile.displayName,
      code(profile.name),
      (prefixes.get(profile.name) ?? []).map((prefix) => code(`/olla/${prefix}/`)).join(' '),
      profile.detection.defaultPorts.join(', '),
      code(profile.healthCheckPath),
      code(profile.modelDiscoveryPath),
      messages(profile),
      residency(profile),
    ])
  return [
    '# Backends',
    '',
    'Generated from `config/profiles/` by `npm run docs`; a test compares it with the code.',
    '',
    'A backend type is described by a YAML profile: its paths, how it is detected, the format of its model list and its',
    'capabilities. With `type: auto`, the gateway requests the paths that distinguish the types.',
    '',
    table(
      ['server', 'type', 'prefixes', 'port', 'health', 'models', 'Anthropic Messages', 'models in memory'],
      rows.map((row) => row.map((text) => cell(text))),
    ),
    '',
    'Use `openai-compatible` for any other server with the OpenAI API. For other APIs, put a profile',
    'of your own into `profiles.directory` (with the keys of the files in `config/profiles/`), or pass it as an',
    'object ([example](../examples/custom-profile/server.ts)).',
    '',
    'The gateway reads model lists leniently: `null` is an empty list, a list may be at the top level or be an',
    'object by name, and entries may be bare names. At most 10,000 models of an endpoint are used. Reported',
    'context lengths and capabilities are kept: `capabilities` and `details` of Ollama, `architecture.input_modalities`',
    'and `meta` of llama.cpp (with its `/props`), `type` and `capabilities` of LM Studio, `max_model_len` of vLLM,',
    '`supported_parameters` of OpenRouter and similar fields ([how they are used](clients.md#model-lists)).',
    '',
    '```yaml',
    'discovery:',
    '  static:',
    '    endpoints:',
    '      - name: desk',
    '        url: http://localhost:11434',
    '        type: ollama',
    '      - name: lab',
    '        url: http://lab.example.com:8080',
    '        type: auto',
    'profiles:',
    "  directory: ''",
    '```',
    '',
  ].join('\n')
}

function messages({ anthropic }: BackendProfile): string {
  if (!anthropic.enabled) return 'translated'
  return anthropic.minVersion === undefined ? 'native' : `native from ${anthropic.minVersion}`
}

function residency({ alwaysLoaded, loadedModelsPath }: BackendProfile): string {
  if (alwaysLoaded) return 'all listed models'
  return loadedModelsPath === undefined ? 'unknown' : code(loadedModelsPath)
}
