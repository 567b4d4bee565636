import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  managesEndpoint,
  mayCarryCredentials,
  operationOf,
} from '../../../src/dialects/requests/operation.ts'
import { canonicalPath } from '../../../src/kernel/canonical-path.ts'

const manages = (line: string) => {
  const [method = '', path = ''] = line.split(' ')
  return managesEndpoint(method, operationOf(path))
}
const earns = (line: string, paths?: readonly string[]) => {
  const [method = '', path = ''] = line.split(' ')
  return mayCarryCredentials(method, operationOf(path), paths)
}

describe('canonicalPath', () => {
  const spellings: readonly [string, string][] = [
    ['/v1/chat/completions', '/v1/chat/completions'],
    ['/api/Delete', '/api/delete'],
    ['/api/delete/', '/api/delete'],
    ['//api///delete', '/api/delete'],
    ['/api/%64elete', '/api/delete'],
    ['/api/%2564elete', '/api/delete'],
    ['/api%2fdelete', '/api/delete'],
    ['/api%5cdelete', '/api/delete'],
    ['/api;v=1/delete;x', '/api/delete'],
    ['/api/delete%3Bx', '/api/delete'],
    ['/api/delete%20', '/api/delete'],
    ['/api/%09delete', '/api/delete'],
    ['/api/delete%3Fx', '/api/delete'],
    ['/api/./delete', '/api/delete'],
    ['/v1/../api/delete', '/api/delete'],
    ['/', '/'],
    ['', '/'],
    ['/%', '/%'],
  ]
  for (const [path, expected] of spellings) {
    it(`reads ${path} as ${expected}`, () => assert.equal(canonicalPath(path), expected))
  }
})

describe('managesEndpoint', () => {
  const refused = {
    ollama: [
      ...['POST /api/pull', 'POST /api/push', 'POST /api/create', 'POST /api/copy', 'DELETE /api/delete'],
      ...['POST /api/blobs/sha256:00', 'HEAD /api/blobs/sha256:00', 'PUT /api/blobs/x', 'GET /api/delete'],
      ...['POST /api/me', 'POST /api/signout', 'DELETE /api/user/keys/x', 'POST /proxied/api/pull'],
    ],
    llamacpp: [
      ...['POST /props', 'POST /slots/0', 'POST /slots', 'POST /lora-adapters', 'POST /models/load'],
      ...['POST /models/unload', 'POST /tools', 'GET /cors-proxy', 'PATCH /v1/props'],
    ],
    vllm: [
      ...['POST /v1/load_lora_adapter', 'POST /v1/unload_lora_adapter', 'POST /sleep', 'POST /wake_up'],
      ...['POST /reset_prefix_cache', 'POST /collective_rpc', 'POST /update_weights', 'POST /shutdown'],
      ...['POST /start_profile', 'POST /pause', 'POST /v1/Load_LoRA_Adapter', 'POST /scale_elastic_ep'],
    ],
    sglang: [
      ...['GET /flush_cache', 'POST /flush_cache', 'POST /update_weights_from_disk', 'GET /start_profile'],
      ...['POST /release_memory_occupation', 'POST /load_lora_adapter', 'POST /set_internal_state'],
      ...[
        'POST /update_weights_from_distributed',
        'POST /abort_request',
        'POST /add_worker',
        'POST /workers',
      ],
    ],
    litellm: [
      ...['POST /key/generate', 'GET /key/list', 'GET /key/info', 'POST /model/new', 'POST /model/update'],
      ...[
        'POST /model/delete',
        'GET /model/info',
        'GET /v1/model/info',
        'GET /v2/model/info',
        'GET /user/list',
      ],
      ...['POST /user/new', 'POST /team/new', 'GET /config/yaml', 'POST /config/update', 'GET /spend/logs'],
      ...[
        'GET /global/spend/models',
        'GET /get/config/callbacks',
        'POST /cache/flushall',
        'GET /credentials',
      ],
      ...['GET /organization/list', 'POST /budget/new', 'GET /sso/key/generate', 'GET /scim/v2/Users'],
    ],
    'lm-studio': [
      ...['POST /api/v1/models/load', 'POST /api/v1/models/unload', 'POST /api/v1/models/download'],
      ...['POST /v1/models', 'DELETE /v1/models/qwen:7b', 'PUT /v1/models/org/name'],
    ],
    lemonade: [
      ...['POST /api/v1/pull', 'POST /api/v1/load', 'POST /api/v1/unload', 'POST /api/v1/delete'],
      ...['POST /api/v1/params', 'POST /internal/shutdown', 'POST /api/v1/install', 'POST /halt'],
    ],
    others: [
      ...['POST /models/create', 'DELETE /models/ai/smollm2', 'POST /models/ai/smollm2/push', 'GET /unload'],
      ...['POST /engines/unload', 'POST /models/apply', 'POST /models/delete/m', 'POST /backend/shutdown'],
      ...[
        'POST /v1/internal/model/load',
        'POST /v1/model/load',
        'POST /v1/model/unload',
        'POST /v1/lora/load',
      ],
      ...[
        'POST /v2/repository/models/m/load',
        'POST /update_weights',
        'POST /nodes/terminate',
        'POST /restart',
      ],
      ...['POST /admin/shutdown', 'POST /reload', 'POST /server-kill', 'POST /sdapi/v1/unload-checkpoint'],
      ...['POST /distserve/p2p_connect', 'POST /v1/mcp/execute', 'PUT /api/serve/applications'],
    ],
  }
  for (const [engine, lines] of Object.entries(refused)) {
    for (const line of lines) it(`is true for ${line} (${engine})`, () => assert.equal(manages(line), true))
  }

  const open = [
    ...['POST /v1/chat/completions', 'POST /v1/completions', 'POST /v1/responses', 'POST /v1/messages'],
    ...[
      'POST /v1/embeddings',
      'POST /v1/audio/transcriptions',
      'POST /v1/images/generations',
      'POST /rerank',
    ],
    ...['GET /props', 'GET /slots', 'GET /metrics', 'GET /health', 'POST /tokenize', 'POST /detokenize'],
    ...['GET /lora-adapters', 'POST /apply-template', 'POST /infill', 'POST /completion', 'GET /load'],
    ...['GET /is_sleeping', 'GET /get_server_info', 'POST /generate', 'GET /version', 'POST /api/generate'],
    ...['POST /api/chat', 'POST /api/embed', 'POST /api/show', 'GET /api/tags', 'GET /api/ps', 'HEAD /'],
    ...['GET /v1/models', 'GET /v1/models/qwen:7b', 'GET /v1/models/org/reload', 'GET /v1/models/shutdown'],
    ...['POST /v1beta/models/gemini-pro:generateContent', 'POST /models/org/name', 'GET /api/v0/models/m'],
    ...['DELETE /v1/files/file-1', 'DELETE /v1/responses/resp_1', 'POST /v1/uploads/upload_1/cancel'],
    ...[
      'POST /v1/threads/t/runs/r/cancel',
      'GET /model_group/info',
      'GET /api/v1/health',
      'GET /api/v1/stats',
    ],
    ...['POST /v1/rerank', 'POST /pooling', 'POST /score', 'POST /v1/moderations', 'GET /health/readiness'],
    ...['GET /v1/model', 'GET /api/v1/config/max_length', 'POST /openai/deployments/m/chat/completions'],
  ]
  for (const line of open) it(`is false for ${line}`, () => assert.equal(manages(line), false))
})

describe('mayCarryCredentials', () => {
  const litellm = ['/', '/health', '/v1/chat/completions', '/models', '/health/readiness']
  it('is true for inference, model lists and the paths of the profile', () => {
    for (const line of [
      ...['POST /v1/chat/completions', 'POST /chat/completions', 'POST /engines/llama.cpp/v1/completions'],
      ...['POST /api/chat', 'POST /api/show', 'GET /api/tags', 'GET /v1/models', 'GET /api/v0/models/org/m'],
      ...[
        'POST /v1/messages/count_tokens',
        'POST /v1/responses',
        'GET /v1/responses/r',
        'POST /v1/audio/speech',
      ],
      ...[
        'POST /tokenize',
        'POST /v1/files',
        'GET /v1/batches/b',
        'POST /v2/rerank',
        'POST /CHAT/Completions',
      ],
    ]) {
      assert.equal(earns(line, litellm), true, line)
    }
    assert.equal(earns('POST /my/own/route'), false)
    assert.equal(earns('POST /my/own/route', ['/my/own/route']), true)
  })

  it('is false for everything else, and for management', () => {
    for (const line of [
      ...[
        'GET /health',
        'GET /health/readiness',
        'GET /metrics',
        'GET /slots',
        'GET /props',
        'GET /model/info',
      ],
      ...['POST /key/generate', 'GET /key/list', 'GET /model_group/info', 'GET /routes', 'GET /openapi.json'],
      ...[
        'POST /v1/models',
        'DELETE /v1/models/m',
        'POST /v1/fine_tuning/jobs',
        'GET /anything',
        'POST /v1/realtime/client_secrets',
        'GET /v1/organization/users',
        'GET /admin',
      ],
    ]) {
      assert.equal(earns(line, litellm), false, line)
    }
  })
})
