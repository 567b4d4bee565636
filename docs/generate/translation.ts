import { dialects, formats } from '../../src/dialects/all.ts'
import { type Fate, type Feature, features } from '../../src/dialects/hub/contract/features.ts'
import { limitationNames } from '../../src/dialects/translate/limitations.ts'
import { wholeOperations } from '../../src/dialects/translate/whole-operations.ts'
import { ProfileStore } from '../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../src/kernel/package.ts'
import { code, table } from './markdown.ts'

/** Embeddings and rankings, without the further paths of clients. */
const operations = wholeOperations(dialects).filter(
  ({ name }, index, all) => all.findIndex((each) => each.name === name) === index,
)

/** What each limitation of a profile says of a route. */
const limitations: Readonly<Record<string, string>> = {
  no_tool_use: 'It ignores or refuses tools.',
  no_streamed_tools: 'It loses parts of tool calls in streams.',
  no_extended_thinking: 'It ignores requests for thinking.',
  no_vision: 'It ignores or refuses images.',
  no_structured_output: 'It ignores the schema that an answer must have.',
  no_stop_sequences: 'It ignores stop sequences.',
  no_forbidden_tools: 'The model may call tools although `tool_choice` is `none`.',
  no_custom_tools: 'It ignores or refuses tools with free text as input (`custom`).',
  no_logprobs: 'It ignores or refuses requests for log probabilities.',
  bare_events:
    'Events lack numbers and indices. The gateway adds them, and the parts of thoughts, to a stream that passes through.',
}

/** What the tables show of a format. */
type Shown = Pick<(typeof formats)[number], 'name' | 'path' | 'fields' | 'fates'>

/** What servers' own routes lack. */
function gaps(): readonly string[] {
  const profiles = new ProfileStore({ builtIn: profilesFolder }).all()
  const routes = profiles.flatMap(({ displayName, anthropic, responses }) => [
    { displayName, api: 'messages', names: anthropic.limitations },
    { displayName, api: 'responses', names: responses.limitations },
  ])
  const listing = (name: string) =>
    routes
      .filter(({ names }) => names.some((each) => each.split('<')[0] === name))
      .map(({ displayName, api }) => `${displayName} (${code(api)})`)
      .join(', ')
  return [
    '## What native routes lack',
    '',
    'Some servers have the path of an API but ignore a part of it. Their profiles list what is missing under',
    '`api.anthropic_support.limitations` and `api.responses.limitations`; `name<version` applies to servers below that',
    'version. A request that needs such a part goes to another API of the same endpoint, or is refused if there is none. If a',
    'server refuses a part with status 400 or 422, the gateway translates the request at once.',
    '',
    table(
      ['name', 'meaning', 'listed for'],
      limitationNames.map((name) => [code(name), limitations[name] ?? '', listing(name)]),
    ),
    '',
    'Known gaps that remain where requests pass through to llama.cpp (build 11549): its Responses API reports answers that',
    '`max_output_tokens` ended as `completed`, its Completions API reports `logprobs` in the form of a chat, its Messages API',
    'replaces the input of a call that `max_tokens` cut with `{}`, and no stream has the log probability of the last token.',
  ]
}

/** What becomes of each field of each client's API at endpoints with another API, as a Markdown page. */
export function translationReference(): string {
  return [
    '# Any client on any endpoint',
    '',
    'Generated from the code (`npm run docs`); a test compares the two.',
    '',
    'A client may use any of the APIs below, whatever API its endpoint has. If the endpoint has the API of the client, the',
    'gateway forwards the request byte for byte; if not, it translates the request and its answer, streamed or whole. Among',
    'equal endpoints those that need no translation come first. Each attempt decides separately, so a request can fail over',
    'from an endpoint of one kind to one of another.',
    '',
    table(
      ['name', 'path'],
      [...formats, ...operations].map(({ name, path }) => [code(name), code(path)]),
    ),
    '',
    'An endpoint has the paths of its [backend profile](backends.md). If it answers that it lacks one (404, 405, 501), the',
    'gateway remembers that for a while, translates the same request at once, and asks again later.',
    '',
    'The gateway keeps translated responses of the Responses API (`proxy.translation.stored_responses`), unless the client',
    'sends `store: false`: `previous_response_id`, `item_reference` and `GET` or `DELETE /v1/responses/{id}` work as with',
    'OpenAI. It keeps conversations (`/v1/conversations` and `conversation`) for all endpoints, also for those with the',
    'Responses API: their responses in a conversation are kept, too. All of this is in memory, and ends with the process. If',
    'the host application identifies its callers, each finds only its own responses and conversations. A request may have',
    '`max_body_size` together with what it continues.',
    '',
    'A response with `background: true` is made by the gateway for any endpoint: the request returns at once, and the client',
    'polls `GET /v1/responses/{id}` or, if it also sent `stream: true`, reads the events again with `?stream=true`, from',
    '`starting_after` on. `POST /v1/responses/{id}/cancel` ends the work of the endpoint. At most',
    '`stored_responses.max_background` are in progress at a time; the time limits of requests hold for them, too. A shutdown',
    'waits for them as for other requests. One that is still in progress when the gateway stops ends as `failed` with the code',
    '`server_error`: that is what readers of its events get, and what a store outside of the process keeps. With the store in',
    'memory it is unknown (404) after a restart. A response in the background holds its conversation until it is over, so that',
    'the next response of the conversation waits for it (`conversation_locked` after two seconds).',
    '',
    '`truncation: auto` leaves out the oldest items of the input if the request is too long for the context that the model list',
    'of the endpoint reports, by an estimate, or if the endpoint refuses it for a full context; then at most three times.',
    'Instructions, system and developer messages, the last message of the user and the last item always stay, and a call stays',
    'with its result. `GET /v1/responses/{id}/input_items` lists all items. With `disabled`, the default, the client gets the',
    'error `context_length_exceeded`; if it says `disabled` itself, Ollama does not shorten the prompt either.',
    '`max_tool_calls` counts calls of built-in tools, as with OpenAI: in a translated answer those of `local_shell`, `shell`,',
    '`apply_patch` and `tool_search`, of which further ones are left out. `service_tier` of a translated answer is what the',
    'endpoint reports, else `default`. Of `include`, values about tools that servers run are dropped, since no answer has such',
    'calls; a value that OpenAI does not document is refused.',
    '',
    '`POST /v1/responses/input_tokens` is answered by an endpoint that can count, else by its tokenizer or an estimate;',
    '`X-Olla-Token-Count` says which, as for [Messages](anthropic.md). `POST /v1/responses/compact` goes to an endpoint whose',
    'profile lists it; otherwise the model of the request writes a summary, which the gateway puts into the `compaction` item',
    'and turns into a message when the client sends it back. The item is not encrypted. A request whose last item is',
    '`compaction_trigger`, as Codex sends it, gets a response with such an item in the same way.',
    '',
    'A translated answer has `X-Olla-Mode: translated`; one that the endpoint wrote in the API of the client has',
    '`X-Olla-Mode: passthrough`. Log lines and `/internal/requests` name both APIs in `translation`,',
    'and [`/internal/explain`](internal-api.md) says for each endpoint whether a request would be translated.',
    '',
    '## What cannot be translated',
    '',
    'A feature that the other API lacks is dropped if the answer means the same without it. Otherwise the gateway refuses the',
    'request with status 400 and an error that names the feature, unless another endpoint can serve it.',
    '',
    '```yaml',
    'proxy:',
    '  translation:',
    '    enabled: true',
    '    # drop: leave such features out and name them in X-Olla-Dropped.',
    '    unsupported: refuse',
    '```',
    '',
    '- **kept**: the other API has the same field.',
    '- **mapped**: the other API expresses it in another way.',
    '- **dropped**: the other API has nothing like it, and the answer means the same without it.',
    '- **refused**: the other API has nothing like it, and the answer would mean something else.',
    '',
    '`tool_choice` is never refused if it is `auto` or `none`: an endpoint without the field gets no tools for `none`.',
    '',
    ...gaps(),
    ...formats.flatMap((from) => ['', ...fieldsOf(from, formats)]),
    '',
    '## Contents of messages',
    '',
    ...contents(),
    '',
    '## Embeddings and rankings',
    '',
    'These operations translate among each other only. A client may also use `/rerank`, `/reranking`, `/v1/reranking` and',
    '`/v1/score`; a request with `texts` instead of `documents` gets the bare list of Text Embeddings Inference.',
    '',
    '- Vectors reach a client in the encoding that it requests, numbers or Base64, whichever the endpoint sends. For an Ollama',
    '  client they have length 1 and are cut to `dimensions`, as Ollama documents. An OpenAI client gets exactly as many',
    '  dimensions as it requests, or an error.',
    '- Scores are those of the engine: llama.cpp sends logits, others values from 0 to 1. Only their order is comparable.',
    '- Results are sorted by score. Their documents come from the request if the client wants them.',
    ...operations.flatMap((from) => [
      '',
      ...fieldsOf(
        from,
        operations.filter(({ family, isForClientsOnly }) => family === from.family && !isForClientsOnly),
      ),
    ]),
    '',
  ].join('\n')
}

/** The fields of a client's requests, with their fate at endpoints of each other API. */
function fieldsOf(from: Shown, all: readonly Shown[]): string[] {
  const others = all.filter(({ name }) => name !== from.name)
  const rows = Object.entries(from.fields)
    .flatMap(([field, feature]) => (feature === 'none' ? [] : [{ field, feature }]))
    .sort((a, b) => a.field.localeCompare(b.field, 'en'))
    .map(({ field, feature }) => [code(field), ...others.map((to) => fateOf(to, feature))])
  return [`## Requests to ${code(from.path)}`, '', table(['field', ...others.map(({ name }) => name)], rows)]
}

/** Features that no top-level field stands for: they are inside messages and tools. */
function contents(): string[] {
  const fields = new Set<string>(formats.flatMap((format) => Object.values(format.fields)))
  const inside = features.filter(
    (feature) => !fields.has(feature) && formats.some(({ fates }) => fates[feature] !== undefined),
  )
  return [
    table(
      ['feature', ...formats.map(({ name }) => name)],
      inside.map((feature) => [code(feature), ...formats.map((to) => fateOf(to, feature))]),
    ),
  ]
}

function fateOf({ fates }: Pick<Shown, 'fates'>, feature: Feature): Fate {
  return fates[feature] ?? 'dropped'
}
