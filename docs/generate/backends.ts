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
    'Made from `config/profiles/` by `npm run docs`; a test holds it to the code.',
    '',
    'A backend is data: a YAML profile says which paths a kind of server has, how it is recognised, how its model list',
    'reads and what else it can do. `type: auto` asks an endpoint for what tells the kinds apart.',
    '',
    table(
      ['server', 'type', 'prefixes', 'port', 'health', 'models', 'Anthropic Messages', 'models in memory'],
      rows.map((row) => row.map((text) => cell(text))),
    ),
    '',
    'A server that is none of these and speaks the OpenAI API is `openai-compatible`. For anything else put a profile',
    'of your own into `profiles.directory` (the keys are those of the files in `config/profiles/`), or pass it as an',
    'object ([example](../examples/custom-profile/server.ts)).',
    '',
    'Model lists are read as loosely as servers write them: `null` is an empty list, a list may stand alone or be an',
    'object by name, entries may be bare names. At most 10,000 models of an endpoint are taken. What a list says of',
    'context lengths and abilities is kept: `capabilities` and `details` of Ollama, `architecture.input_modalities`',
    'and `meta` of llama.cpp (with its `/props`), `type` and `capabilities` of LM Studio, `max_model_len` of vLLM,',
    '`supported_parameters` of OpenRouter and the like ([what becomes of it](clients.md#model-lists)).',
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
  if (alwaysLoaded) return 'all it lists'
  return loadedModelsPath === undefined ? 'not told' : code(loadedModelsPath)
}
