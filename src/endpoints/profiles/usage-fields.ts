/** Values read from an answer; times in milliseconds, audio in seconds. */
export const usageNames = [
  'promptTokens',
  'completionTokens',
  'cachedTokens',
  'reasoningTokens',
  'audioSeconds',
  'loadMs',
  'promptMs',
  'generationMs',
] as const
export type UsageName = (typeof usageNames)[number]

/**
 * Path of a number: `usage.prompt_tokens`. The first name is searched at any depth, so the same path matches what
 * Anthropic nests below `message`. `a.b + a.c` adds the existing values; in a list the first existing path wins.
 */
export type UsagePath = string | readonly string[]

/** Paths by value, as in a profile: `prompt_tokens`, `load_ns`, `generation_ms`, … */
export type UsagePaths = Readonly<Record<string, UsagePath>>

/** A key whose value contains numbers, or is one. */
export interface UsageRoot {
  /** The key in JSON without its first quote: a search for a rare byte is faster. */
  readonly mark: Buffer
  readonly leaves: readonly UsageLeaf[]
}

export interface UsageLeaf {
  readonly index: number
  /** Names below the root; empty if its value is the number itself. */
  readonly below: readonly string[]
}

/** One way to obtain a number. */
export interface UsageField {
  /** Indexes of leaves, which are added. */
  readonly parts: readonly number[]
  /** Factor that converts the sum to the gateway's unit. */
  readonly scale: number
}

/** Paths compiled for reading. */
export interface UsagePlan {
  readonly roots: readonly UsageRoot[]
  /** The first existing one wins. */
  readonly fields: Readonly<Record<UsageName, readonly UsageField[]>>
}

const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1_000 }
const keys: Readonly<Record<string, UsageName>> = {
  prompt_tokens: 'promptTokens',
  completion_tokens: 'completionTokens',
  cached_tokens: 'cachedTokens',
  reasoning_tokens: 'reasoningTokens',
  audio_seconds: 'audioSeconds',
  load: 'loadMs',
  prompt: 'promptMs',
  generation: 'generationMs',
}

/** All keys that a profile may use. */
export const usageKeys: readonly string[] = Object.keys(keys).flatMap((key) =>
  /_(?:tokens|seconds)$/.test(key) ? [key] : Object.keys(units).map((unit) => `${key}_${unit}`),
)

/** @param sources the first with a number wins */
export function planUsage(sources: readonly UsagePaths[]): UsagePlan {
  const roots = new Map<string, UsageLeaf[]>()
  const indexes = new Map<string, number>()
  const leafOf = (path: string): number => {
    const known = indexes.get(path)
    if (known !== undefined) return known
    const index = indexes.size
    const [root = '', ...below] = path.split('.')
    roots.set(root, [...(roots.get(root) ?? []), { index, below }])
    indexes.set(path, index)
    return index
  }
  const fields: Record<UsageName, UsageField[]> = {
    promptTokens: [],
    completionTokens: [],
    cachedTokens: [],
    reasoningTokens: [],
    audioSeconds: [],
    loadMs: [],
    promptMs: [],
    generationMs: [],
  }
  for (const [key, path] of sources.flatMap((paths) => Object.entries(paths))) {
    const { name, scale } = meaningOf(key)
    if (name === undefined) continue
    for (const sum of [path].flat()) {
      fields[name].push({ scale, parts: sum.split('+').map((each) => leafOf(each.trim())) })
    }
  }
  return {
    roots: [...roots].map(([root, leaves]) => ({ mark: Buffer.from(JSON.stringify(root).slice(1)), leaves })),
    fields,
  }
}

function meaningOf(key: string): { name: UsageName | undefined; scale: number } {
  const own = keys[key]
  if (own !== undefined) return { name: own, scale: 1 }
  const at = key.lastIndexOf('_')
  return { name: keys[key.slice(0, at)], scale: units[key.slice(at + 1)] ?? 1 }
}
