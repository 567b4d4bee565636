import { KindGuard, type TSchema } from '@sinclair/typebox'
import { dotted, type KeyPath, type Problem } from '../schema/diagnostics.ts'
import { GatewayConfigSchema } from '../schema/schema.ts'
import { isRecord, parseDuration } from './decode.ts'

/** Keys whose unknown values Olla replaces with its default, with or without a warning (contract 2.2, 2.3). */
const defaultedChoices: ReadonlySet<string> = new Set([
  'logging.level',
  'logging.format',
  'logging.output',
  'proxy.profile',
  'model_registry.routing_strategy.type',
  'model_registry.routing_strategy.options.fallback_behavior',
])

/** Lists in which Olla ignores unknown members. */
const filteredLists: ReadonlySet<string> = new Set(['proxy.sticky_sessions.key_sources'])

/** Keys for which Olla replaces 0 with its default, or with which it starts although nothing works. */
const defaultedZeros: ReadonlySet<string> = new Set([
  'server.rate_limits.burst_size',
  'proxy.sticky_sessions.max_sessions',
  'proxy.sticky_sessions.prefix_hash_bytes',
  'discovery.static.endpoints[].check_interval',
  'discovery.static.endpoints[].check_timeout',
])

/** Keys for which an empty text equals an absent key. */
const emptyIsAbsent: ReadonlySet<string> = new Set([
  'discovery.static.endpoints[].name',
  'discovery.static.endpoints[].type',
  'discovery.static.endpoints[].health_check_url',
  'discovery.static.endpoints[].model_url',
])

/**
 * Removes values that Olla replaces with its defaults, so that they get defaults here too. Choices are matched
 * case-insensitively. Modifies the document.
 */
export function replaceLikeOlla(document: Record<string, unknown>): Problem[] {
  const problems: Problem[] = []
  visitSection(GatewayConfigSchema, document, [], problems)
  return problems
}

function visitSection(
  schema: TSchema,
  section: Record<string, unknown>,
  path: KeyPath,
  problems: Problem[],
): void {
  if (!KindGuard.IsObject(schema)) return
  for (const [key, property] of Object.entries(schema.properties)) {
    const value = section[key]
    if (value === undefined) continue
    const own = [...path, key]
    const replaced = visitValue(property, value, own, problems)
    if (replaced === undefined) delete section[key]
    else section[key] = replaced
  }
}

/** @returns the replacement for the value; undefined for the default */
function visitValue(schema: TSchema, value: unknown, path: KeyPath, problems: Problem[]): unknown {
  if (isRecord(value)) {
    visitSection(schema, value, path, problems)
    return value
  }
  if (Array.isArray(value) && KindGuard.IsArray(schema)) {
    return visitList(schema.items, value, path, problems)
  }
  const name = dotted(path).replaceAll(/\[\d+\]/g, '[]')
  if (value === '' && emptyIsAbsent.has(name)) return undefined
  if (defaultedZeros.has(name) && isZero(value)) {
    problems.push(warning(path, `0 is not possible; the default, ${String(schema.default)}, is used`))
    return undefined
  }
  if (!Array.isArray(schema.enum) || typeof value !== 'string') return value
  const choice: unknown = schema.enum.find((each) => each === value.toLowerCase())
  if (choice !== undefined) return choice
  if (!defaultedChoices.has(name)) return value
  const choices = schema.enum.join(', ')
  problems.push(
    warning(path, `"${value}" is none of ${choices}; the default, ${String(schema.default)}, is used`),
  )
  return undefined
}

function visitList(items: TSchema, list: unknown[], path: KeyPath, problems: Problem[]): unknown[] {
  const isFiltered = filteredLists.has(dotted(path))
  return list.flatMap((item, index): unknown[] => {
    const own = [...path, index]
    if (isFiltered && typeof item === 'string' && Array.isArray(items.enum)) {
      const choice: unknown = items.enum.find((each) => each === item.toLowerCase())
      if (choice !== undefined) return [choice]
      problems.push(warning(own, `"${item}" is none of ${items.enum.join(', ')}; it is ignored`))
      return []
    }
    return [visitValue(items, item, own, problems)]
  })
}

function isZero(value: unknown): boolean {
  return value === 0 || (typeof value === 'string' && parseDuration(value) === 0)
}

function warning(path: KeyPath, message: string): Problem {
  return { severity: 'warning', path, message }
}
