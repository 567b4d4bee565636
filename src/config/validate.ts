import { Ajv, type ErrorObject } from 'ajv'
import { decode, isRecord, parseDuration } from './decode.ts'
import { type Diagnostic, dotted, type KeyPath, nearest } from './diagnostics.ts'
import { inputSchema } from './input-schema.ts'
import { isIgnoredByOlla, keysAt, schemaAt, sectionsWith } from './known-keys.ts'
import { type GatewayConfig, GatewayConfigSchema } from './schema.ts'
import { mostThreads, unitKeyword } from './units.ts'

export interface Problem {
  readonly severity: 'error' | 'warning'
  readonly path: KeyPath
  readonly message: string
}

const ajv = new Ajv({ allErrors: true, strict: false, verbose: true, allowUnionTypes: true })
const check = ajv.compile(inputSchema())

/**
 * Checks a document against the schema and fills in what it leaves out.
 * @returns the configuration, unless there are errors, and everything that was found
 */
export function validate(document: unknown): { config: GatewayConfig | undefined; problems: Problem[] } {
  const value = withoutNulls(document ?? {})
  if (!isRecord(value)) {
    return {
      config: undefined,
      problems: [{ severity: 'error', path: [], message: 'must be a mapping of keys' }],
    }
  }
  check(value)
  const problems = dedupe((check.errors ?? []).flatMap(toProblem))
  if (problems.some(({ severity }) => severity === 'error')) return { config: undefined, problems }
  // The schema's static type is the decoded one, and `value` has just been validated against it.
  return { config: decode(GatewayConfigSchema, withoutIgnored(value)) as GatewayConfig, problems }
}

/** `key:` without a value is null in YAML, and means the default as in Olla. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).filter(([, item]) => item !== null)
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)]))
}

function withoutIgnored(value: Record<string, unknown>, path = ''): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    const full = path === '' ? key : `${path}.${key}`
    if (isIgnoredByOlla(full)) continue
    kept[key] = isRecord(item) ? withoutIgnored(item, full) : item
  }
  return kept
}

function toProblem(error: ErrorObject): Problem[] {
  const path = pathOf(error.instancePath)
  switch (error.keyword) {
    case 'additionalProperties':
      return [unknownKey(path, String(error.params.additionalProperty))]
    case 'required':
      return [{ severity: 'error', path, message: `"${String(error.params.missingProperty)}" is missing` }]
    case 'enum': {
      if (isInsideUnit(path)) return []
      const allowed: unknown[] = Array.isArray(error.params.allowedValues) ? error.params.allowedValues : []
      const guess = typeof error.data === 'string' ? nearest(error.data, allowed.map(String)) : undefined
      const hint = guess === undefined ? '' : `, did you mean "${guess}"?`
      return [
        {
          severity: 'error',
          path,
          message: `must be one of ${allowed.map(String).join(', ')}${hint || '.'}`,
        },
      ]
    }
    case 'type':
      return isInsideUnit(path)
        ? []
        : [{ severity: 'error', path, message: `must be ${article(String(error.params.type))}` }]
    case 'anyOf':
      return [{ severity: 'error', path, message: unitMessage(path, error.data) }]
    case 'pattern':
    case 'const':
      return isInsideUnit(path) ? [] : [{ severity: 'error', path, message: 'has the wrong form' }]
    default:
      return isInsideUnit(path) ? [] : [{ severity: 'error', path, message: error.message ?? 'is not valid' }]
  }
}

function unknownKey(path: KeyPath, key: string): Problem {
  const full = [...path, key]
  if (isIgnoredByOlla(dotted(full))) {
    return { severity: 'warning', path: full, message: 'has no effect in Olla and none here' }
  }
  const guess = nearest(key, keysAt(path))
  if (guess !== undefined)
    return { severity: 'error', path: full, message: `unknown key, did you mean "${guess}"?` }
  const sections = sectionsWith(key)
  const hint = sections.length > 0 ? `; it belongs under ${sections.slice(0, 3).join(' or ')}` : ''
  return { severity: 'error', path: full, message: `unknown key${hint}` }
}

function isInsideUnit(path: KeyPath): boolean {
  return schemaAt(path)?.[unitKeyword] !== undefined
}

function unitMessage(path: KeyPath, data: unknown): string {
  if (!isInsideUnit(path)) return 'has none of the forms that are allowed here'
  if (schemaAt(path)?.[unitKeyword] === 'threads')
    return `must be a whole number from 1 to ${mostThreads}, or auto`
  if (schemaAt(path)?.[unitKeyword] === 'bytes')
    return 'must be bytes, as a number or with a unit: 1048576, 100MB'
  const example = typeof data === 'number' ? `, for example ${data}s` : ', for example 30s, 1m30s, 250ms'
  const isNegative = typeof data === 'string' && (parseDuration(data) ?? 0) < 0
  return isNegative ? 'must not be negative' : `must be a duration with a unit${example}`
}

function article(type: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'a text',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a mapping of keys',
  }
  return names[type] ?? type
}

function pathOf(pointer: string): KeyPath {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part))
}

function dedupe(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>()
  return problems.filter(({ path, message }) => {
    const key = `${dotted(path)} ${message}`
    return !seen.has(key) && seen.add(key)
  })
}

export function toDiagnostic(
  problem: Problem,
  file: string | undefined,
  position: { line: number; column: number } | undefined,
): Diagnostic {
  return {
    severity: problem.severity,
    key: dotted(problem.path),
    message: problem.message,
    file,
    ...position,
  }
}
