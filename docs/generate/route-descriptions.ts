export interface RouteDescription {
  readonly tags: readonly string[]
  readonly summary: string
  /** The documented methods: status routes answer every method alike, and the gateway forwards any method. */
  readonly methods: readonly string[]
}

const get = ['get'] as const
const post = ['post'] as const
const both = ['get', 'post'] as const
const all = ['get', 'post', 'delete'] as const
const change = ['get', 'patch', 'delete'] as const
const put = ['get', 'put', 'delete'] as const

/** Descriptions by path; the first matching pattern applies. */
const descriptions: readonly (readonly [RegExp, string, string, readonly string[]])[] = [
  [/^\/internal\/health$/, 'status', 'Liveness of the process', get],
  [/^\/internal\/ready$/, 'status', 'Readiness: 503 while it stops or has no routable endpoint', get],
  [/^\/internal\/status$/, 'status', 'Summary of the gateway and its endpoints', get],
  [/^\/internal\/status\/endpoints$/, 'status', 'Every endpoint: state, traffic, probes, circuit', get],
  [/^\/internal\/status\/models$/, 'status', 'Discovered models', get],
  [/^\/internal\/stats\//, 'status', 'Statistics of requests', get],
  [/^\/internal\/process$/, 'status', 'Memory and runtime of the process', get],
  [/^\/internal\/cluster$/, 'status', 'This replica, the others, and what they share', get],
  [/^\/internal\/cluster\/replicas\//, 'status', 'A route of another replica that only reads', get],
  [/^\/internal\/metrics$/, 'status', 'Metrics for Prometheus, as text or OpenMetrics', get],
  [/^\/internal\/config$/, 'status', 'The effective configuration, secrets masked', get],
  [/^\/internal\/events$/, 'live', 'Live events (server-sent events), resumable', get],
  [/^\/internal\/samples$/, 'live', 'Samples of the counters, for live charts', get],
  [/^\/internal\/inflight$/, 'live', 'Requests in flight', get],
  [/^\/internal\/inflight\/\{\w+\}$/, 'live', 'Cancels a request, at its endpoint too', ['delete']],
  [/^\/internal\/queue$/, 'live', 'Requests that wait for a place at an endpoint', get],
  [/^\/internal\/queue\/\{\w+\}$/, 'live', 'Cancels a waiting request', ['delete']],
  [/^\/internal\/queue\/\{\w+\}\/move-up$/, 'live', 'Puts a waiting request first', post],
  [/^\/internal\/requests/, 'live', 'Recent requests with their attempts, times and routing reasons', get],
  [/^\/internal\/explain$/, 'routing', 'Where a request would go and why, without sending it', post],
  [/^\/internal\/clients/, 'clients', 'Ready-to-use configurations for client programs', get],
  [/^\/internal\/openapi\.json$/, 'status', 'This document', get],
  [/^\/internal\/admin\/reload$/, 'configuration', 'Loads the configuration again and applies it', both],
  [/^\/internal\/admin\/aliases$/, 'configuration', 'Aliases of models; POST adds one', both],
  [/^\/internal\/admin\/aliases\/\{\w+\}$/, 'configuration', 'One alias, by name', put],
  [/^\/internal\/admin\/aliases\/\{\w+\}\/reset$/, 'configuration', 'Takes back changes of an alias', post],
  [
    /^\/internal\/admin\/log-level$/,
    'configuration',
    'The log level; DELETE returns to the configured one',
    put,
  ],
  [
    /^\/internal\/admin\/limits$/,
    'configuration',
    "Rate limits, limits of the queue, and how much of callers' limits is used, as JSON or CSV",
    change,
  ],
  [/^\/internal\/admin\/endpoints$/, 'configuration', 'Endpoints; POST adds one', ['get', 'post']],
  [/^\/internal\/admin\/endpoints\/\{\w+\}$/, 'configuration', 'One endpoint, by name', change],
  [
    /^\/internal\/admin\/endpoints\/\{\w+\}\/reset$/,
    'configuration',
    'Takes back changes of an endpoint',
    post,
  ],
  [/^\/internal\/admin\/endpoints\/\{\w+\}\/probe$/, 'configuration', 'Probes an endpoint now', post],
  [
    /^\/internal\/admin\/endpoints\/\{\w+\}\/refresh$/,
    'configuration',
    'Reads the models of an endpoint now',
    post,
  ],
  [
    /^\/internal\/admin\/endpoints\/\{\w+\}\/reset-circuit$/,
    'configuration',
    'Closes the circuit of an endpoint',
    post,
  ],
  [
    /^\/internal\/admin\/endpoints\/\{\w+\}\/drain$/,
    'configuration',
    'Takes an endpoint out of service',
    post,
  ],
  [
    /^\/internal\/admin\/endpoints\/\{\w+\}\/undrain$/,
    'configuration',
    'Returns an endpoint to service',
    post,
  ],
  [/^\/internal\/admin\/models$/, 'models', 'What each endpoint can do with models, and which it has', get],
  [/^\/internal\/admin\/models\/\{\w+\}$/, 'models', 'Deletes a model at endpoints', ['delete']],
  [/^\/internal\/admin\/models\/\{\w+\}\/load$/, 'models', 'Loads a model into memory', post],
  [/^\/internal\/admin\/models\/\{\w+\}\/unload$/, 'models', 'Takes a model out of memory', post],
  [/^\/internal\/admin\/models\/\{\w+\}\/pull$/, 'models', 'Downloads a model to an endpoint', post],
  [/^\/internal\/admin\/models\/\{\w+\}\/sleep$/, 'models', 'Puts the engine of a model to sleep', post],
  [/^\/internal\/admin\/models\/\{\w+\}\/wake$/, 'models', 'Wakes the engine of a model', post],
  [/^\/internal\/admin\/models\/\{\w+\}\/load-adapter$/, 'models', 'Loads a LoRA adapter', post],
  [/^\/internal\/admin\/models\/\{\w+\}\/unload-adapter$/, 'models', 'Unloads a LoRA adapter', post],
  [/^\/internal\/admin\/operations$/, 'models', 'Operations on models, and the state of their rules', get],
  [
    /^\/internal\/admin\/operations\/\{\w+\}$/,
    'models',
    'One operation; DELETE cancels it',
    ['get', 'delete'],
  ],
  [/^\/internal\/admin\/discovery$/, 'configuration', 'Endpoints that providers have found', get],
  [/^\/internal\/admin\/discovery\/refresh$/, 'configuration', 'Reads the sources of endpoints again', post],
  [/^\/internal\/admin\/discovery\/\{\w+\}\/approve$/, 'configuration', 'Lets a found endpoint serve', post],
  [
    /^\/internal\/admin\/discovery\/\{\w+\}\/reject$/,
    'configuration',
    'Keeps a found endpoint from serving',
    post,
  ],
  [/^\/internal\/admin\/keys$/, 'callers', 'API keys; POST makes one and shows it once', ['get', 'post']],
  [/^\/internal\/admin\/keys\/\{\w+\}\/rotate$/, 'callers', 'Replaces the secret of an API key', post],
  [/^\/internal\/admin\/keys\/\{\w+\}$/, 'callers', 'One API key, by ID or name', change],
  [/^\/internal\/admin\/(teams|owners)$/, 'callers', 'Groups of API keys', ['get', 'post']],
  [/^\/internal\/admin\/(teams|owners)\/\{\w+\}$/, 'callers', 'One group of API keys', change],
  [/^\/internal\/admin\/audit$/, 'callers', 'Changes of API keys and their groups', get],
  [/^\/internal\/admin\/webhooks$/, 'callers', 'Webhooks and their messages', get],
  [/^\/internal\/admin\/usage$/, 'callers', 'What callers have used, as JSON or CSV', get],
  [/^\/internal\/ui/, 'dashboard', 'The dashboard', get],
  [/^\/internal\/session$/, 'dashboard', 'Signs in to the dashboard with the admin token', all],
  [/^\/version$/, 'status', 'Version and capabilities of the gateway', get],
  [/^\/olla\/models/, 'models', 'Models of all endpoints, in one of fourteen formats', get],
  [/messages\/count_tokens$/, 'anthropic', 'Counts the tokens of a request', post],
  [/messages\/\{/, 'anthropic', 'Batches and similar operations: not supported', all],
  [/messages$/, 'anthropic', 'Anthropic Messages, served by any endpoint', post],
  [/api\/hello$/, 'anthropic', 'Connection check of Claude Code', get],
  [/api\/event_logging\//, 'anthropic', 'Accepts and discards telemetry of Claude Code', post],
  [/^\/olla\/anthropic\//, 'anthropic', 'Models for Anthropic clients', get],
  [/\/(models|tags|ps|list)$/, 'models', 'Models, in the format of this API', get],
  [/^\/v1\/models\/\{/, 'models', 'One model', get],
  [/\/api\/show$/, 'models', "One model, in Ollama's format", post],
  [/\/api\/version$/, 'models', 'Version for Ollama clients', get],
  [
    /\/api\/(pull|push|create|copy|delete)$/,
    'models',
    'Not supported by a gateway for several endpoints',
    post,
  ],
  [/^\/olla\/proxy/, 'proxy', 'Forwards to any endpoint with the path and the model', all],
  [/^\/olla\/\{backend\}/, 'proxy', 'Forwards to endpoints of one type', all],
  [/^\/v1\/\{/, 'proxy', 'OpenAI clients: forwards to any endpoint with the path and the model', all],
  [/^\/(?:v2\/)?(?:rerank|reranking|score)$/, 'proxy', 'Ranks documents, on any endpoint that can', post],
  [/^\/api\/\{/, 'proxy', 'Ollama clients: forwards to any endpoint with the path and the model', all],
]

/** @throws Error for a route that has no description */
export function describeRoute(path: string): RouteDescription {
  const found = descriptions.find(([pattern]) => pattern.test(path))
  if (found === undefined) throw new Error(`docs/generate/route-descriptions.ts does not describe ${path}`)
  const [, tag, summary, methods] = found
  return { tags: [tag], summary, methods }
}
