import { KindGuard, type TSchema } from '@sinclair/typebox'
import { decode, isRecord } from '../file/decode.ts'
import { problemsOfSection } from '../file/validate.ts'
import { ConfigError, dotted, nearest } from '../schema/diagnostics.ts'
import { sectionsWith } from '../schema/known-keys.ts'
import { GatewayConfigSchema } from '../schema/schema.ts'
import { unitKeyword } from '../schema/units.ts'
import { type CamelCase, camelCase, optionName } from './option-names.ts'
import { type InputOf, type OptionsOf, optionsOf } from './options.ts'

const schemas = GatewayConfigSchema.properties
type Schemas = typeof schemas
export type SectionName = keyof Schemas & string

/** A complete section of the configuration in the form that code uses. */
export type SectionOptions<Name extends SectionName> = OptionsOf<Schemas[Name]>

/**
 * Plugin options that are sections of the configuration, under the same names. Absent keys get the schema's defaults;
 * durations and sizes may be written as in the file (`30s`, `1MB`) or as milliseconds and bytes.
 */
export type Sections<Name extends SectionName> = {
  readonly [Each in Name]?: InputOf<Schemas[Each]> | undefined
}

/** Sections as `readSections` returns them. */
export type SectionsRead<Name extends SectionName> = {
  readonly [Each in Name as CamelCase<Each>]: SectionOptions<Each>
}

/** Options that Fastify itself reads when an app registers a plugin. */
const fastifyOptions = ['prefix', 'logLevel', 'logSerializers']

/**
 * Reads the sections among the options of a plugin.
 * @param others names of the plugin's other options
 * @throws ConfigError with the invalid options and keys, and suggestions
 */
export function readSections<const Name extends SectionName, Options extends Sections<Name>>(
  options: Options,
  names: readonly Name[],
  others: readonly Exclude<keyof Options & string, Name>[] = [],
): SectionsRead<Name> {
  rejectUnknown(Object.keys(options), names, others)
  const read = Object.fromEntries(names.map((name) => [camelCase(name), readSection(name, options[name])]))
  // One entry per name, under the name that the type declares.
  return read as SectionsRead<Name>
}

/** The options of one section with all defaults. */
export function defaultsOf<Name extends SectionName>(name: Name): SectionOptions<Name> {
  return sectionOptions(name, undefined)
}

/** The options of one section. @throws ConfigError */
export function sectionOptions<Name extends SectionName>(
  name: Name,
  given: InputOf<Schemas[Name]> | undefined,
): SectionOptions<Name> {
  // `readSection` uses the schema of that name.
  return readSection(name, given) as SectionOptions<Name>
}

/** Cache of sections, so that plugins that share one read it once. */
const known = new WeakMap<object, unknown>()
const defaults = new Map<SectionName, unknown>()

function readSection(name: SectionName, given: unknown): unknown {
  const found = isRecord(given) ? known.get(given) : given === undefined ? defaults.get(name) : undefined
  if (found !== undefined) return found
  const schema: TSchema = schemas[name]
  if (given !== undefined && !isDecoded(schema, given)) {
    const problems = problemsOfSection(name, given)
    if (problems.length > 0) {
      throw new ConfigError(
        problems.map(({ severity, path, message }) => ({ severity, key: dotted(path), message })),
      )
    }
  }
  const read: unknown = optionsOf(schema, decode(schema, given))
  if (isRecord(given)) known.set(given, read)
  else if (given === undefined) defaults.set(name, read)
  return read
}

/** Whether a section is complete and decoded: only the loader, which has validated it, creates such sections. */
function isDecoded(schema: TSchema, value: unknown): boolean {
  if (!KindGuard.IsObject(schema)) {
    const unit: unknown = schema[unitKeyword]
    return unit === 'duration' || unit === 'bytes' ? typeof value === 'number' : value !== undefined
  }
  const { properties } = schema
  if (!isRecord(value) || !Object.keys(value).every((key) => Object.hasOwn(properties, key))) return false
  return Object.entries(properties).every(([key, property]) =>
    value[key] === undefined ? KindGuard.IsOptional(property) : isDecoded(property, value[key]),
  )
}

function rejectUnknown(
  given: readonly string[],
  names: readonly SectionName[],
  others: readonly string[],
): void {
  const allowed = [...names, ...others]
  const unknown = given.filter((name) => !allowed.includes(name) && !fastifyOptions.includes(name))
  if (unknown.length === 0) return
  throw new ConfigError(
    unknown.map((key) => ({
      severity: 'error',
      key,
      message: `unknown option${hint(key, names, allowed)}`,
    })),
  )
}

function hint(name: string, sections: readonly SectionName[], allowed: readonly string[]): string {
  const places = sections.flatMap((section) => keysNamed(name, schemas[section], section))
  if (places.length > 0) return `; the key is ${places.slice(0, 3).join(' or ')}`
  const near = nearest(name, allowed)
  if (near !== undefined) return `, did you mean "${near}"?`
  const holders = sectionsWith(name).filter((place) =>
    sections.some((section) => place === section || place.startsWith(`${section}.`)),
  )
  if (holders.length > 0) return `; it belongs under ${holders.slice(0, 3).join(' or ')}`
  return `; there are ${allowed.join(', ')}`
}

/** Keys whose option has this name. */
function keysNamed(name: string, schema: TSchema, path: string): string[] {
  if (!KindGuard.IsObject(schema)) return []
  return Object.entries(schema.properties).flatMap(([key, property]) =>
    optionName(key, property) === name && key !== name
      ? [`${path}.${key}`]
      : keysNamed(name, property, `${path}.${key}`),
  )
}
