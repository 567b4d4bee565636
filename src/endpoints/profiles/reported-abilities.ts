/** What an endpoint reports about a model's abilities: `true` or `false` if reported, otherwise absent. */
export interface ReportedAbilities {
  readonly completion?: boolean
  readonly embedding?: boolean
  readonly tools?: boolean
  readonly vision?: boolean
  readonly audio?: boolean
  readonly thinking?: boolean
  readonly insert?: boolean
}

export type Ability = keyof ReportedAbilities

type Entry = Readonly<Record<string, unknown>>
type Found = { -readonly [Key in Ability]?: boolean }

export const abilityNames = [
  'completion',
  'embedding',
  'tools',
  'vision',
  'audio',
  'thinking',
  'insert',
] as const satisfies readonly Ability[]

/** Engines' terms for the same ability: in lists, as keys of an object, and as flags of an entry. */
const abilityOfTerm: Readonly<Record<string, Ability>> = {
  completion: 'completion',
  completion_chat: 'completion',
  chat: 'completion',
  chat_completion: 'completion',
  text_generation: 'completion',
  supports_chat: 'completion',
  embedding: 'embedding',
  embeddings: 'embedding',
  tools: 'tools',
  tool_use: 'tools',
  tool_calling: 'tools',
  function_calling: 'tools',
  trained_for_tool_use: 'tools',
  supports_tools: 'tools',
  supports_function_calling: 'tools',
  vision: 'vision',
  multimodal: 'vision',
  image_input: 'vision',
  supports_vision: 'vision',
  supports_image_in: 'vision',
  supports_image_input: 'vision',
  audio: 'audio',
  audio_input: 'audio',
  supports_audio_input: 'audio',
  thinking: 'thinking',
  reasoning: 'thinking',
  supports_reasoning: 'thinking',
  insert: 'insert',
  completion_fim: 'insert',
}

const flags = Object.keys(abilityOfTerm).filter((term) => term.startsWith('supports_'))

/** Values of `type` for models that generate no text. */
const silentTypes = new Set([
  'embedding',
  'embeddings',
  'rerank',
  'reranker',
  'reranking',
  'score',
  'classify',
  'image',
  'video',
  'audio',
  'tts',
  'stt',
  'asr',
  'speech',
  'transcribe',
  'transcription',
  'moderation',
])

/**
 * Reads the abilities from an entry of a model list.
 * @param isComplete whether `capabilities`, if it is a list, names all abilities of the model, as Ollama's does
 */
export function readAbilities(entry: Entry, isComplete = false): ReportedAbilities | undefined {
  const found: Found = {}
  readType(entry.type, found)
  readTerms(entry.capabilities, found, isComplete)
  for (const flag of flags) put(found, flag, entry[flag])
  const architecture = isObject(entry.architecture) ? entry.architecture : {}
  readInputs(
    architecture.input_modalities ?? entry.input_modalities ?? inputsOf(architecture.modality),
    found,
  )
  readOutputs(architecture.output_modalities ?? entry.output_modalities, found)
  readParameters(entry.supported_parameters, found)
  return someOf(found)
}

/** Reads the abilities from llama.cpp's `/props`, which describes the one model that it runs. */
export function readPropsAbilities(props: Entry): ReportedAbilities | undefined {
  const found: Found = {}
  const { modalities, chat_template_caps: caps, chat_template: template } = props
  if (isObject(modalities)) {
    put(found, 'vision', modalities.vision)
    put(found, 'audio', modalities.audio)
  }
  if (isObject(caps)) put(found, 'tools', caps.supports_tool_calls ?? caps.supports_tools)
  if (typeof template === 'string' && /<think>|enable_thinking|reasoning_content/.test(template))
    found.thinking = true
  return someOf(found)
}

/** Combines several endpoints: an ability is true if one has it, and false only if all lack it. */
export function mergeAbilities(all: readonly (ReportedAbilities | undefined)[]): ReportedAbilities {
  const merged: Found = {}
  for (const name of abilityNames) {
    if (all.some((each) => each?.[name] === true)) merged[name] = true
    else if (all.length > 0 && all.every((each) => each?.[name] === false)) merged[name] = false
  }
  return merged
}

export function areSameAbilities(
  one: ReportedAbilities | undefined,
  other: ReportedAbilities | undefined,
): boolean {
  return one === other || abilityNames.every((name) => one?.[name] === other?.[name])
}

function readType(type: unknown, found: Found): void {
  if (typeof type !== 'string') return
  const term = type.toLowerCase()
  if (term === 'vlm') found.vision = true
  if (term === 'embedding' || term === 'embeddings') found.embedding = true
  if (silentTypes.has(term)) found.completion = false
  else if (term === 'llm' || term === 'vlm' || term === 'chat') found.completion = true
}

/** Reads a list of terms, or an object with a boolean per term. */
function readTerms(capabilities: unknown, found: Found, isComplete: boolean): void {
  if (Array.isArray(capabilities)) {
    for (const term of capabilities) if (typeof term === 'string') put(found, term, true)
    // A list with other terms than Ollama's does not come from Ollama.
    const isOllamas = found.completion === true || found.embedding === true
    if (isComplete && isOllamas) for (const name of abilityNames) found[name] ??= false
  } else if (isObject(capabilities)) {
    for (const term of Object.keys(abilityOfTerm)) {
      const value = capabilities[term]
      put(found, term, isObject(value) ? (value.supported ?? true) : value)
    }
  }
}

/** Parses `text+image->text`. */
function inputsOf(modality: unknown): string[] | undefined {
  return typeof modality === 'string' ? modality.split('->', 1)[0]?.split('+') : undefined
}

/** A list of inputs is complete: the model does not read any other. */
function readInputs(inputs: unknown, found: Found): void {
  if (!Array.isArray(inputs) || inputs.length === 0) return
  found.vision = inputs.includes('image')
  found.audio = inputs.includes('audio')
}

function readOutputs(outputs: unknown, found: Found): void {
  if (!Array.isArray(outputs) || outputs.length === 0) return
  if (outputs.includes('embeddings') || outputs.includes('embedding')) found.embedding = true
  found.completion ??= outputs.includes('text')
}

function readParameters(parameters: unknown, found: Found): void {
  if (!Array.isArray(parameters) || parameters.length === 0) return
  found.tools ??= parameters.includes('tools')
  found.thinking ??= parameters.includes('reasoning') || parameters.includes('include_reasoning')
}

/** Returns the ability for a term of an engine or a client; undefined if unknown. */
export function abilityOf(term: string): Ability | undefined {
  const normalized = term.toLowerCase().replaceAll('-', '_')
  return Object.hasOwn(abilityOfTerm, normalized) ? abilityOfTerm[normalized] : undefined
}

function put(found: Found, term: string, value: unknown): void {
  const name = abilityOf(term)
  // If several terms mean the same ability, one true value decides.
  if (name !== undefined && typeof value === 'boolean') found[name] = value || found[name] === true
}

function someOf(found: Found): ReportedAbilities | undefined {
  return Object.keys(found).length === 0 ? undefined : found
}

function isObject(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
