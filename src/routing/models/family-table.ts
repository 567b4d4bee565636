import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { readYamlFile, YamlFileError } from '../../endpoints/profiles/yaml-file.ts'

/** Olla's `models.yaml` (contract 6.4); every part is optional. */
const TableSchema = Type.Object({
  model_extraction: Type.Optional(
    Type.Object({
      family_patterns: Type.Optional(
        Type.Array(
          Type.Object({
            pattern: Type.String(),
            family_group: Type.Integer({ minimum: 0 }),
            variant_group: Type.Integer({ minimum: 0 }),
          }),
        ),
      ),
      family_aliases: Type.Optional(Type.Record(Type.String(), Type.String())),
      architecture_mappings: Type.Optional(Type.Record(Type.String(), Type.String())),
      publisher_mappings: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  ),
  quantization: Type.Optional(
    Type.Object({ mappings: Type.Optional(Type.Record(Type.String(), Type.String())) }),
  ),
  capabilities: Type.Optional(
    Type.Object({
      type_capabilities: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
      name_patterns: Type.Optional(
        Type.Array(Type.Object({ pattern: Type.String(), capabilities: Type.Array(Type.String()) })),
      ),
      context_thresholds: Type.Optional(Type.Record(Type.String(), Type.Integer())),
    }),
  ),
  special_rules: Type.Optional(
    Type.Object({
      preserve_family: Type.Optional(Type.Array(Type.String())),
      generic_names: Type.Optional(Type.Array(Type.String())),
    }),
  ),
})

type TableDocument = Static<typeof TableSchema>

/** Traits derived from a model's name and from what its endpoint reports. */
export interface ModelTraits {
  /** '' if unknown. */
  readonly family: string
  readonly variant: string
  /** Short form, `q4km`; '' if unknown. */
  readonly quantization: string
  readonly type: 'llm' | 'vlm' | 'embeddings'
  readonly capabilities: readonly string[]
}

export interface TraitHints {
  readonly name: string
  readonly family?: string | undefined
  readonly type?: string | undefined
  readonly quantization?: string | undefined
  readonly publisher?: string | undefined
  readonly contextLength?: number | undefined
  readonly capabilities?: readonly string[] | undefined
}

/** Derives traits from model names by a table that is compiled once. */
export class FamilyTable {
  readonly #families: readonly { pattern: RegExp; familyGroup: number; variantGroup: number }[]
  readonly #aliases: ReadonlyMap<string, string>
  readonly #architectures: ReadonlyMap<string, string>
  readonly #publishers: ReadonlyMap<string, string>
  readonly #quantizations: ReadonlyMap<string, string>
  readonly #spelledQuantizations: ReadonlyMap<string, string>
  readonly #typeCapabilities: ReadonlyMap<string, readonly string[]>
  readonly #namePatterns: readonly { pattern: RegExp; capabilities: readonly string[] }[]
  readonly #contexts: readonly (readonly [string, number])[]
  readonly #preserved: ReadonlySet<string>
  readonly #generic: ReadonlySet<string>

  /** @throws Error if the document is not a valid table or contains an invalid pattern */
  constructor(document: unknown) {
    if (!Value.Check(TableSchema, document)) {
      const problem = Value.Errors(TableSchema, document).First()
      throw new Error(`${problem?.path.slice(1).replaceAll('/', '.')}: ${problem?.message}`)
    }
    const table: TableDocument = document
    const extraction = table.model_extraction ?? {}
    this.#families = (extraction.family_patterns ?? []).map((row) => ({
      pattern: new RegExp(row.pattern, 'i'),
      familyGroup: row.family_group,
      variantGroup: row.variant_group,
    }))
    this.#aliases = folded(extraction.family_aliases)
    this.#architectures = folded(extraction.architecture_mappings)
    this.#publishers = folded(extraction.publisher_mappings)
    const quantizations = Object.entries(table.quantization?.mappings ?? {})
    this.#quantizations = new Map(quantizations.map(([spelled, short]) => [spelled.toLowerCase(), short]))
    this.#spelledQuantizations = new Map(
      quantizations.map(([spelled, short]) => [short, spelled] as const).reverse(),
    )
    this.#typeCapabilities = new Map(Object.entries(table.capabilities?.type_capabilities ?? {}))
    this.#namePatterns = (table.capabilities?.name_patterns ?? []).map(({ pattern, capabilities }) => ({
      pattern: new RegExp(pattern, 'i'),
      capabilities,
    }))
    this.#contexts = Object.entries(table.capabilities?.context_thresholds ?? {})
    this.#preserved = new Set(table.special_rules?.preserve_family)
    this.#generic = new Set(table.special_rules?.generic_names?.map((name) => name.toLowerCase()))
  }

  traits(hints: TraitHints): ModelTraits {
    const { family, variant } = this.#familyOf(hints)
    const type = this.#typeOf(hints)
    return {
      family,
      variant,
      quantization: this.#quantizationOf(hints),
      type,
      capabilities: this.#capabilitiesOf(hints, type),
    }
  }

  /** Spells `q4km` as engines do, `Q4_K_M`; returns an unknown text unchanged. */
  spelledQuantization(short: string): string {
    return this.#spelledQuantizations.get(short) ?? short
  }

  #familyOf({ name, family, publisher }: TraitHints): { family: string; variant: string } {
    const architecture = family?.toLowerCase() ?? ''
    const base = baseName(name)
    const named = this.#generic.has(name.toLowerCase()) ? undefined : this.#familyByName(base)
    if (named !== undefined && this.#preserved.has(named.family)) return named
    const reported = this.#architectures.get(architecture) ?? (architecture === '' ? undefined : architecture)
    if (reported !== undefined)
      return { family: reported, variant: named?.family === reported ? named.variant : '' }
    if (named !== undefined) return named
    return { family: this.#publishers.get((publisher ?? publisherOf(name)).toLowerCase()) ?? '', variant: '' }
  }

  #familyByName(base: string): { family: string; variant: string } | undefined {
    for (const { pattern, familyGroup, variantGroup } of this.#families) {
      const match = pattern.exec(base)
      if (match === null) continue
      const found = (match[familyGroup] ?? '').toLowerCase()
      return {
        family: this.#aliases.get(found) ?? found,
        variant: variantGroup > 0 ? (match[variantGroup] ?? '') : '',
      }
    }
    return undefined
  }

  #typeOf({ name, type }: TraitHints): ModelTraits['type'] {
    if (type === 'vlm' || type === 'embeddings') return type
    if (type === 'embedding') return 'embeddings'
    if (type === 'llm') return 'llm'
    const capabilities = this.#byName(name)
    if (capabilities.includes('embeddings')) return 'embeddings'
    return capabilities.includes('vision') ? 'vlm' : 'llm'
  }

  #quantizationOf({ name, quantization }: TraitHints): string {
    const reported = quantization?.toLowerCase()
    if (reported !== undefined && reported !== '') return this.#quantizations.get(reported) ?? reported
    const inName =
      /(?:^|[-_.:])((?:i?q\d+(?:_[a-z0-9]+)*)|f16|fp16|bf16|fp8|awq|gptq|mxfp4|[48]bit)(?:$|[-_.:])/i.exec(
        name,
      )?.[1]
    return inName === undefined ? '' : (this.#quantizations.get(inName.toLowerCase()) ?? inName.toLowerCase())
  }

  #capabilitiesOf({ name, contextLength, capabilities }: TraitHints, type: ModelTraits['type']): string[] {
    const all = new Set(this.#typeCapabilities.get(type) ?? [])
    for (const capability of this.#byName(name)) all.add(capability)
    for (const capability of capabilities ?? []) all.add(capability)
    for (const [capability, tokens] of this.#contexts) {
      if (contextLength !== undefined && contextLength >= tokens) all.add(capability)
    }
    return [...all]
  }

  #byName(name: string): string[] {
    return this.#namePatterns.flatMap(({ pattern, capabilities }) => (pattern.test(name) ? capabilities : []))
  }
}

function folded(record: Readonly<Record<string, string>> | undefined): Map<string, string> {
  return new Map(Object.entries(record ?? {}).map(([key, value]) => [key.toLowerCase(), value]))
}

/** The name without its organization. */
function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

function publisherOf(name: string): string {
  return name.includes('/') ? (name.split('/', 1)[0] ?? '') : ''
}

/** Paths of the user's own table, in order of precedence. */
const ownPlaces = ['models.yaml', 'config/models.yaml'] as const

interface TablePlaces {
  readonly builtIn: string
  readonly cwd: string
  readonly configDir?: string | undefined
}

/** Loads the user's table if valid, else the built-in one. As in Olla, an invalid table does not stop the start. */
export function loadFamilyTable(places: TablePlaces): FamilyTable {
  const own = findOwnTable(places)
  if (own !== undefined) {
    try {
      return new FamilyTable(readYamlFile(own))
    } catch {
      // checkFamilyTable reports the problem once for all threads.
    }
  }
  return new FamilyTable(readYamlFile(places.builtIn))
}

/** @returns the problem with the user's own table; undefined if it is valid or absent */
export function checkFamilyTable(places: TablePlaces): string | undefined {
  const own = findOwnTable(places)
  if (own === undefined) return undefined
  try {
    new FamilyTable(readYamlFile(own))
    return undefined
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return error instanceof YamlFileError ? message : `${own}: ${message}`
  }
}

function findOwnTable({ builtIn, cwd, configDir }: TablePlaces): string | undefined {
  const places = [
    ...ownPlaces.map((place) => join(cwd, place)),
    ...(configDir === undefined ? [] : [join(configDir, 'models.yaml')]),
  ]
  return places.find((place) => existsSync(place) && place !== builtIn)
}
