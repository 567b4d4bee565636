/**
 * Operations that change a server or reveal its owner's secrets, by engine. Paths in `write` may be read: GET, HEAD and
 * OPTIONS pass.
 */
interface EngineRoutes {
  readonly any?: readonly string[]
  readonly write?: readonly string[]
}

export const engineRoutes: Readonly<Record<string, EngineRoutes>> = {
  ollama: {
    any: ['api/me', 'api/signin', 'api/signout', 'api/user/**'],
    write: ['api/experimental/aliases'],
  },
  // `/tools` runs the built-in tools, `/cors-proxy` fetches any URL.
  llamacpp: {
    any: ['cors-proxy', 'models/load', 'models/unload'],
    write: ['props', 'slots', 'slots/*', 'lora-adapters', 'tools'],
  },
  vllm: {
    any: [
      ...['sleep', 'wake_up', 'collective_rpc', 'pause', 'resume', 'abort_requests', 'scale_elastic_ep'],
      ...['update_weights', 'init_weight_transfer_engine', 'load_lora_adapter', 'unload_lora_adapter'],
      ...[
        'is_scaling_elastic_ep',
        'reset_prefix_cache',
        'reset_mm_cache',
        'reset_encoder_cache',
        'start_profile',
        'stop_profile',
      ],
    ],
  },
  'vllm-mlx': { any: ['mcp/execute', 'admin/**'], write: ['cache', 'cache/*'] },
  sglang: {
    any: [
      ...[
        'flush_cache',
        'freeze_gc',
        'configure_logging',
        'slow_down',
        'abort_request',
        'get_weights_by_name',
      ],
      ...['release_memory_occupation', 'resume_memory_occupation', 'pause_generation', 'continue_generation'],
      ...['add_worker', 'remove_worker', 'set_internal_state', 'set_trace_level', 'weights_checker'],
      ...['wasm', 'wasm/**', 'dumper/**', 'ha/**'],
    ],
    write: ['workers', 'workers/**', 'hicache/**', 'tokenizers', 'tokenizers/**'],
  },
  lmdeploy: { any: ['wakeup', 'nodes/**', 'distserve/**', 'terminate', 'terminate_all', 'free_cache'] },
  'lm-studio': {
    any: ['models/download', 'models/download/*'],
    // Loads, unloads and removes models; below `/v1/models` other engines register and delete them.
    write: [
      'models',
      'models/delete/*',
      'models/unload/*',
      'models/create',
      'models/*/tag',
      'models/*/*/tag',
      'models/*/*/push',
    ],
  },
  lemonade: {
    any: ['internal/shutdown', 'halt'],
    write: [
      'pull',
      'push',
      'load',
      'unload',
      'delete',
      'install',
      'uninstall',
      'params',
      'log-level',
      '/internal/**',
    ],
  },
  'docker-model-runner': {
    any: ['engines/unload', 'engines/_configure', 'engines/*/_configure', 'models/prune', 'models/purge'],
    write: ['models/package', 'models/repackage', 'engines/install'],
  },
  litellm: {
    any: [
      ...['key/**', 'user/**', 'team/**', 'organization/**', 'customer/**', 'end_user/**', 'budget/**'],
      ...['spend/**', 'global/**', 'credentials', 'credentials/**', 'tag/**', 'project/**', 'scim/**'],
      ...['sso/**', 'jwt/**', 'invitation/**', 'onboarding/**', 'audit', 'audit/**', 'access_group/**'],
      ...['/config', '/config/**', 'config/update', 'config/yaml', 'config/list', 'config/delete'],
      ...['get/**', 'update/**', 'settings', 'active/callbacks', 'callbacks/**', 'debug/**', 'add/**'],
      ...['upload/logo', 'delete/allowed_ip', 'reload/model_cost_map', 'schedule/**', 'memory-usage'],
      ...['model/new', 'model/update', 'model/delete', 'model/info', 'model/settings', 'model/*/update'],
      ...['model/metrics', 'model/metrics/*', 'model/streaming_metrics', 'model_group/make_public'],
      ...['login', 'logout', 'health/services', 'health/history', 'health/test_connection', 'otel-spans'],
      ...['cache/delete', 'cache/flushall', 'cache/redis/**', 'cache/settings', 'cache/settings/**'],
      ...['email/**', 'cost/**', 'claude-code/**', 'cloudzero/**', 'vantage/**', 'reload/**', 'usage/**'],
      ...[
        'unified_access_group/**',
        'callback/**',
        'user_agent/**',
        'tool/**',
        'tools/*/policy',
        'cache/ping',
      ],
      ...['daily_metrics', 'in_product_nudges', 'utils/test_policies', 'public/model_hub', 'model_hub/**'],
      ...[
        'router/settings',
        'fallback/**',
        'policy/**',
        'policies/**',
        'provider/budgets',
        'config_overrides/**',
      ],
    ],
    write: [
      'guardrails',
      'guardrails/**',
      'prompts',
      'prompts/**',
      'mcp/server',
      'mcp/server/**',
      'vector_store/**',
      ...['agents', 'agents/**', 'search_tools', 'search_tools/**', 'skills', 'skills/**', 'memory/**'],
    ],
  },
  localai: {
    any: [
      ...['models/apply', 'backends/apply', 'backends/delete/*', 'backends/install/*', 'backend/shutdown'],
      ...['models/galleries', 'settings', 'traces/clear', 'import-model'],
    ],
    write: [
      '/api/agent/**',
      '/api/agents/**',
      'stores/**',
      'operations/*/cancel',
      'backend-logs/**',
      'backend-traces/**',
      'models/toggle-state/**',
    ],
  },
  'text-generation-webui': {
    any: [
      'internal/model/load',
      'internal/model/unload',
      'internal/lora/load',
      'internal/lora/unload',
      'internal/stop-generation',
    ],
  },
  // Tabby, Aphrodite
  exllama: {
    any: ['model/load', 'model/unload', 'lora/load', 'lora/unload', 'v1/download', 'template/switch'],
    write: ['sampling/override/switch', 'template/unload', 'model/embedding/load', 'model/embedding/unload'],
  },
  koboldcpp: {
    any: ['api/admin/**', 'extra/admin/**'],
    write: ['config/max_length', 'config/soft_prompt', 'extra/data/**', 'sdapi/v1/options'],
  },
  xinference: {
    any: ['cluster/auth', 'admin/**', '/token', 'virtualenvs', 'virtualenvs/**'],
    write: [
      'models/instance',
      'model_registrations/**',
      'cluster/**',
      'cache/models',
      'workers',
      'models/*/replicas/*',
    ],
  },
  triton: {
    any: ['models/*/load', 'models/*/unload', 'v2/logging', 'v2/trace/setting'],
    write: ['v2/systemsharedmemory/**', 'v2/cudasharedmemory/**', 'models/*/trace/setting'],
  },
  'tensorrt-llm': { any: ['steady_clock_offset', 'kv_cache_events', 'prefetch'] },
  dynamo: { write: ['busy_threshold', 'loras', 'loras/**'] },
  // Cortex and Jan also use this name for their engines; below `engines` other servers have inference routes.
  cortex: {
    any: ['processmanager/destroy', 'server/loadmodel', 'server/unloadmodel'],
    write: [
      'engines/*/update',
      'engines/*/default',
      'engines/*/install',
      'hardware/**',
      'configs',
      '/v1/system',
    ],
  },
  gpustack: {
    any: ['users', 'users/**', 'api-keys', 'api-keys/**', 'auth/login'],
    write: ['model-files', 'model-files/**', 'model-instances', 'model-instances/**'],
  },
  // Its routes for other servers have the same endings.
  'open-webui': { any: ['auths/**', 'configs/**', '/ollama/config', '/openai/config', 'functions/**'] },
  'mistral.rs': { any: ['re_isq', 'activate_adapters', 'auto_tune'] },
  fastchat: { any: ['receive_heart_beat'] },
  'ray-serve': { any: ['serve/applications', '/api/jobs', '/api/jobs/**'] },
  others: {
    any: [
      ...['_admin/**', 'manage/**', 'management/**', 'debug/pprof/**', 'debug/vars'],
      ...['actuator/env', 'actuator/heapdump', 'actuator/threaddump', 'actuator/configprops'],
    ],
  },
}
