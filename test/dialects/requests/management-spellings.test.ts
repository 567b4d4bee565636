import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { managesEndpoint, operationOf } from '../../../src/dialects/requests/operation.ts'

const manages = (line: string) => {
  const [method = '', path = ''] = line.split(' ')
  return managesEndpoint(method, operationOf(path))
}

const escaped = (text: string) => text.replace(/[a-z]/gi, (letter) => `%${letter.charCodeAt(0).toString(16)}`)

/** Alternative spellings of a path that a server, or a proxy in front of it, reads as the same. */
const spellings: Readonly<Record<string, (path: string) => string>> = {
  'as it is': (path) => path,
  'a slash at the end': (path) => `${path}/`,
  'upper case': (path) => path.toUpperCase(),
  'doubled slashes': (path) => path.replaceAll('/', '//'),
  'escaped letters': escaped,
  'letters escaped twice': (path) => escaped(path).replaceAll('%', '%25'),
  'letters escaped three times': (path) => escaped(path).replaceAll('%', '%2525'),
  'escaped slashes': (path) => `/${path.slice(1).replaceAll('/', '%2F')}`,
  'slashes escaped twice': (path) => `/${path.slice(1).replaceAll('/', '%252f')}`,
  backslashes: (path) => `/${path.slice(1).replaceAll('/', '%5C')}`,
  'a dot segment': (path) => path.replaceAll('/', '/./'),
  'an escaped dot segment': (path) => path.replaceAll('/', '/%2e/'),
  'a segment that is taken back': (path) => path.replaceAll('/', '/x/%2e%2e/'),
  'a dot at the end': (path) => `${path}.`,
  'an escaped dot at the end': (path) => `${path}%2E`,
  'dots and blanks at the ends of segments': (path) => `${path.replaceAll(/(.)\//g, '$1.%20/')}.%20.`,
  'a parameter': (path) => `${path};a=b`,
  'a parameter in each segment': (path) => path.replaceAll(/(.)\//g, '$1;x/'),
  'an escaped parameter': (path) => `${path}%3Bx`,
  'a blank': (path) => `${path}%20`,
  'a tab': (path) => `${path}%09`,
  'a line break': (path) => `${path}%0a`,
  'a NUL': (path) => `${path}%00`,
  'a NUL and more': (path) => `${path}%00/x.json`,
  'an escaped question mark': (path) => `${path}%3Fx`,
  'an escaped fragment': (path) => `${path}%23x`,
  'a path before it': (path) => `/proxied${path}`,
}

const ofEngines: Readonly<Record<string, readonly string[]>> = {
  sglang: [
    ...[
      'POST /weights_checker',
      'POST /attach_hicache_storage_backend',
      'POST /v1/tokenizers',
      'DELETE /wasm/x',
    ],
    ...['POST /send_weights_to_remote_instance', 'GET /clear_hicache_storage_backend', 'POST /freeze_gc'],
  ],
  vllm: ['POST /finish_weight_update', 'POST /start_weight_update', 'POST /is_scaling_elastic_ep'],
  'tensorrt-llm': [
    'POST /release_memory',
    'POST /resume_memory',
    'POST /update_weights',
    'POST /steady_clock_offset',
  ],
  dynamo: ['POST /clear_kv_blocks', 'POST /busy_threshold', 'POST /v1/loras', 'DELETE /v1/loras/x'],
  litellm: [
    ...['POST /v1/agents', 'DELETE /v1/agents/x', 'POST /search_tools', 'PATCH /email/event_settings'],
    ...[
      'POST /claude-code/plugins',
      'POST /cloudzero/init',
      'POST /callback/new',
      'GET /cache/ping',
      'GET /v2/key/info',
    ],
    ...['POST /v2/login', 'POST /fallback/login', 'GET /v2/team/list', 'POST /v1/unified_access_group'],
  ],
  localai: [
    ...[
      'POST /models/import',
      'POST /models/edit/m',
      'POST /api/models/install/x',
      'POST /api/backends/install/x',
    ],
    ...[
      'POST /api/settings',
      'POST /stores/set',
      'PUT /models/toggle-state/m/disable',
      'POST /api/agents/create',
    ],
  ],
  cortex: [
    ...[
      'POST /v1/models/start',
      'POST /v1/models/pull',
      'PATCH /v1/models/m',
      'POST /v1/engines/llama-cpp/install',
    ],
    ...['DELETE /processManager/destroy', 'POST /inferences/server/loadmodel', 'POST /v1/hardware/activate'],
  ],
  gpustack: ['GET /v2/users', 'POST /v2/api-keys', 'POST /v2/model-files', 'DELETE /v2/model-instances/1'],
  'open-webui': [
    'POST /api/v1/auths/signin',
    'GET /api/v1/configs/export',
    'GET /openai/config',
    'POST /ollama/api/pull',
  ],
  'text-generation-webui': ['POST /v1/internal/stop-generation', 'POST /v1/internal/model/load'],
  koboldcpp: ['GET /api/admin/list_options', 'POST /api/extra/data/save', 'POST /sdapi/v1/options'],
  tabby: [
    'POST /v1/download',
    'POST /v1/template/switch',
    'POST /v1/sampling/override/unload',
    'POST /v1/lora/load',
  ],
  triton: ['POST /v2/repository/models/m/unload', 'POST /v2/models/m/trace/setting', 'POST /v2/logging'],
  'llama-swap': ['GET /unload', 'POST /api/models/unload/m', 'POST /upstream/m/slots/0'],
  others: [
    ...[
      'POST /re_isq',
      'POST /register_worker',
      'POST /refresh_all_workers',
      'POST /v1/config/reload',
      'POST /api/jobs',
    ],
    ...[
      'GET /actuator/env',
      'GET /debug/pprof/heap',
      'POST /_admin/x',
      'POST /quit',
      'POST /exec',
      'POST /server/stop',
    ],
    ...[
      'POST /models/load',
      'POST /nodes/terminate',
      'POST /debug/reset_engine',
      'POST /sdapi/v1/refresh-checkpoints',
    ],
  ],
}

const open = [
  ...[
    'POST /v1/agents/completions',
    'POST /v1/images/edits',
    'POST /v1/files',
    'POST /v1/uploads/u/complete',
  ],
  ...['POST /v1/responses/r/cancel', 'POST /v1/vector_stores/v/search', 'POST /olla', 'POST /my/own/route'],
  ...[
    'POST /engines/llama.cpp/v1/chat/completions',
    'POST /v1/engines/m/completions',
    'GET /v1/models/start',
  ],
  ...['POST /models/org/name', 'PUT /my/own/route', 'DELETE /my/own/route', 'POST /v1/internal/encode'],
  ...['POST /v1/internal/token-count', 'POST /api/extra/abort', 'POST /v2/repository/index'],
  ...[
    'POST /v2/models/m/infer',
    'POST /v2/models/m/generate',
    'POST /predictions/m',
    'POST /invocations',
    'GET /ping',
  ],
  ...[
    'POST /open_session',
    'POST /parse_function_call',
    'POST /v1/audio/speech',
    'GET /server_info',
    'GET /get_load',
  ],
  ...[
    'POST /sdapi/v1/txt2img',
    'POST /v1/conversations/c/items',
    'GET /v1/config',
    'POST /api/experimental/web_search',
  ],
]

describe('management operations', () => {
  const examples = [
    'DELETE /api/delete',
    'POST /api/pull',
    'POST /v1/load_lora_adapter',
    'POST /slots/0',
    'POST /props',
  ]
  for (const [name, spell] of Object.entries(spellings)) {
    it(`are recognized in every spelling: ${name}`, () => {
      for (const line of examples) {
        const [method = '', path = ''] = line.split(' ')
        assert.equal(manages(`${method} ${spell(path)}`), true, `${method} ${spell(path)}`)
      }
    })
  }

  for (const [engine, lines] of Object.entries(ofEngines)) {
    it(`are recognized for ${engine}`, () => {
      for (const line of lines) assert.equal(manages(line), true, line)
    })
  }

  it('do not include inference, status and unknown paths', () => {
    for (const line of open) assert.equal(manages(line), false, line)
  })
})
