import { RoutePatterns } from './route-pattern.ts'

/**
 * Operations that change a server or tell its owner's secrets, by engine. `write` are those whose path can be
 * read harmlessly: GET, HEAD and OPTIONS are let through.
 */
interface EngineRoutes {
  readonly any?: readonly string[]
  readonly write?: readonly string[]
}

/** Paths of Ollama's model management; Olla has a sentence of its own for them (contract 1.3). */
const ollama = ['api/pull', 'api/push', 'api/create', 'api/copy', 'api/delete', 'api/blobs', 'api/blobs/*']

const engines: Readonly<Record<string, EngineRoutes>> = {
  ollama: {
    any: [...ollama, 'api/me', 'api/signin', 'api/signout', 'api/user/**'],
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
      ...['reset_prefix_cache', 'reset_mm_cache', 'reset_encoder_cache', 'start_profile', 'stop_profile'],
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
      ...['add_worker', 'remove_worker', 'set_internal_state', 'set_trace_level'],
    ],
    write: ['workers', 'workers/**', 'hicache/**'],
  },
  lmdeploy: { any: ['wakeup', 'nodes/**', 'distserve/**', 'terminate', 'terminate_all', 'free_cache'] },
  'lm-studio': {
    any: ['models/download', 'models/download/*'],
    // Loads, unloads and removes; below `/v1/models` other engines register and delete.
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
      'internal/**',
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
    ],
  },
  localai: {
    any: ['models/apply', 'backends/apply', 'backends/delete/*', 'backend/shutdown', 'models/galleries'],
  },
  'text-generation-webui': {
    any: ['internal/model/load', 'internal/model/unload', 'internal/lora/load', 'internal/lora/unload'],
  },
  // Tabby, Aphrodite
  exllama: {
    any: ['model/load', 'model/unload', 'lora/load', 'lora/unload', 'v1/download', 'template/switch'],
    write: ['sampling/override/switch', 'template/unload', 'model/embedding/load', 'model/embedding/unload'],
  },
  koboldcpp: { any: ['api/admin/**', 'extra/admin/**'], write: ['config/max_length', 'config/soft_prompt'] },
  xinference: {
    any: ['cluster/auth', 'admin/**'],
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
    write: ['v2/systemsharedmemory/**', 'v2/cudasharedmemory/**'],
  },
  'ray-serve': { any: ['serve/applications'] },
}

const any = new RoutePatterns(Object.values(engines).flatMap((routes) => routes.any ?? []))
const write = new RoutePatterns(Object.values(engines).flatMap((routes) => routes.write ?? []))
const ollamaManagement = new RoutePatterns(ollama)

/** Words that mean the same on every server, also on those that are not listed here. */
const dangerousName =
  /^(?:shutdown|restart|reboot|reload|unload|terminate|kill|halt|delete|server[-_](?:kill|restart|stop))$/
const dangerousVerb =
  /^(?:(?:un|re)?load|update|init|destroy|send|reset|clear|flush|set|add|remove|delete|start|stop|dump)_[a-z]|^(?:un|re)load-|(?:^|[-_])(?:shutdown|restart|terminate|kill)(?:[-_]|$)/

/** `models/m:generateContent` names a model, not an operation. */
const customMethod =
  /:(?:stream)?generate(?:content|answer)$|:(?:counttokens|embedcontent|batchembedcontents|predict)$/

/**
 * Which methods of an operation manage the server: all, those that write, or only those that replace and remove.
 */
export type Management = 'any' | 'write' | 'remove' | undefined

/** @param segments of a canonical path */
export function managementOf(segments: readonly string[]): Management {
  const last = segments.at(-1) ?? ''
  if (customMethod.test(last)) return 'remove'
  const isListed = any.matches(segments)
  // What follows `models` may be a model's name, whatever it is called: it can be read.
  if (segments.at(-2) === 'models' || segments.at(-3) === 'models') {
    return isListed || dangerousName.test(last) || write.matches(segments) ? 'write' : 'remove'
  }
  if (isListed || dangerousName.test(last) || dangerousVerb.test(last)) return 'any'
  return write.matches(segments) ? 'write' : undefined
}

/** Whether Olla refuses the operation with a sentence of its own. */
export function isOllamaManagement(segments: readonly string[]): boolean {
  return ollamaManagement.matches(segments)
}
