import type { Static, TSchema } from '@sinclair/typebox'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { dotted, type KeyPath, nearest, type Problem } from '../schema/diagnostics.ts'
import { inputOf, inputSchema, type SchemaNode, sectionSchema } from '../schema/input-schema.ts'
import { keysAt, schemaAt, sectionsWith } from '../schema/known-keys.ts'
import { type GatewayConfig, GatewayConfigSchema } from '../schema/schema.ts'
import { maxThreads, unitKeyword } from '../schema/units.ts'
import { decode, isRecord, parseDuration } from './decode.ts'
import { unreadByOlla } from './olla-keys.ts'
import { replaceLikeOlla } from './olla-values.ts'
import { isCertainlyValid } from './quick-check.ts'

let ajv: Ajv | undefined
/** Compiled for the second document: a process rarely has more than one. */
let checkAny: ValidateFunction | undefined
let isFirst = true

/**
 * Validates a document against the schema and fills in defaults.
 * @param isHolder whether a key exists only to define an anchor
 * @returns the configuration, unless there are errors, and all problems found
 */
export function validate(
  document: unknown,
  isHolder: (path: KeyPath) => boolean = () => false,
): { config: GatewayConfig | undefined; problems: Problem[] } {
  const value = withoutNulls(document ?? {})
  if (!isRecord(value)) {
    return {
      config: undefined,
      problems: [{ severity: 'error', path: [], message: 'must be a mapping of keys' }],
    }
  }
  const replaced = replaceLikeOlla(value)
  const problems = isCertainlyValid(inputSchema(), value)
    ? replaced
    : [...replaced, ...problemsBy(checkFor(value), value, [], isHolder)]
  if (problems.some(({ severity }) => severity === 'error')) return { config: undefined, problems }
  // The schema's static type is the decoded one, and `value` has just been validated against it.
  return { config: decode(GatewayConfigSchema, value) as GatewayConfig, problems }
}

/** Created on first use: most processes need no Ajv. */
function compiler(): Ajv {
  // The schemas are the gateway's own and run once: checking and optimizing them would take half of the compilation.
  ajv ??= new Ajv({
    allErrors: true,
    strict: false,
    verbose: true,
    allowUnionTypes: true,
    validateSchema: false,
    meta: false,
    code: { optimize: false },
  })
  return ajv
}

function checkFor(value: unknown): ValidateFunction {
  if (isFirst) {
    isFirst = false
    return compiler().compile(neededFor(value, inputSchema()))
  }
  checkAny ??= compiler().compile(inputSchema())
  return checkAny
}

/** Leaves out what a schema says about keys that the value does not have: most of it, and compiling takes long. */
function neededFor(value: unknown, schema: SchemaNode): SchemaNode {
  const known = schema.properties
  if (!isRecord(value) || !isRecord(known)) return schema
  const properties = Object.entries(known).map(([key, own]) => {
    const isNeeded = Object.hasOwn(value, key) && isRecord(own)
    return [key, isNeeded ? neededFor(value[key], own) : {}]
  })
  return { ...schema, properties: Object.fromEntries(properties) }
}

/** Problems of one section that a host passes to a plugin; values may be as in the file or decoded. */
export function problemsOfSection(name: string, section: unknown): Problem[] {
  return problemsBy(compiler().compile(sectionSchema(name)), section, [name])
}

const checks = new WeakMap<TSchema, ValidateFunction>()

/**
 * Returns a function that fills in defaults and proves that the result has the schema's type.
 * @returns throws an Error if it has not
 */
export function decoderOf<S extends TSchema>(schema: S): (value: unknown) => Static<S> {
  return (value) => {
    const decoded = decode(schema, value)
    // Ajv compiles a schema once.
    const check = compiler().compile<Static<S>>(schema)
    if (check(decoded)) return decoded
    throw new Error(`not valid: ${compiler().errorsText(check.errors, { dataVar: 'value' })}`)
  }
}

/**
 * Problems of a value that a client sends, which has the form of a part of the configuration.
 * @param prefix path of that part, for hints
 */
export function problemsOfValue(schema: TSchema, value: unknown, prefix: KeyPath): Problem[] {
  let check = checks.get(schema)
  if (check === undefined) {
    check = compiler().compile(inputOf(schema))
    checks.set(schema, check)
  }
  const problems = problemsBy(check, value, prefix)
  if (problems.length > 0) return problems
  // The configuration ignores some unknown keys; a client's are mistakes.
  return (check.errors ?? []).map(({ instancePath, params }) => {
    const path = [...prefix, ...pathOf(instancePath), String(params.additionalProperty ?? '')]
    return { severity: 'error', path, message: 'unknown key' }
  })
}

function problemsBy(
  check: ValidateFunction,
  value: unknown,
  prefix: KeyPath,
  isHolder: (path: KeyPath) => boolean = () => false,
): Problem[] {
  check(value)
  return dedupe(
    oneOfEachUnion(check.errors ?? []).flatMap((error) =>
      toProblem(error, [...prefix, ...pathOf(error.instancePath)], isHolder),
    ),
  )
}

/**
 * Reduces the errors of a value with several forms, since every form reports its own. Keeps errors inside the value; if
 * it matches no form, keeps only that error.
 */
function oneOfEachUnion(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const unions = new Set(
    errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath),
  )
  if (unions.size === 0) return errors
  const isInside = (path: string) =>
    errors.some(
      (error) =>
        error.instancePath.startsWith(`${path}/`) ||
        (error.instancePath === path && aboutKeys.has(error.keyword)),
    )
  return errors.filter(({ keyword, instancePath }) => {
    if (!unions.has(instancePath) || aboutKeys.has(keyword)) return true
    return keyword === 'anyOf' && !isInside(instancePath)
  })
}

const aboutKeys: ReadonlySet<string> = new Set(['additionalProperties', 'required'])

/** `key:` without a value is null in YAML, and selects the default as in Olla. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).filter(([, item]) => item !== null)
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)]))
}

function toProblem(error: ErrorObject, path: KeyPath, isHolder: (path: KeyPath) => boolean): Problem[] {
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey([...path, String(error.params.additionalProperty)], isHolder)
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
          message: `must be one of ${allowed.map(String).join(', ')}${hint}`,
        },
      ]
    }
    case 'type':
      return isInsideUnit(path)
        ? []
        : [{ severity: 'error', path, message: `must be ${article(String(error.params.type))}` }]
    case 'anyOf':
      return [{ severity: 'error', path, message: unitMessage(path, error.data) }]
    case 'minimum':
      return [{ severity: 'error', path, message: `must be at least ${String(error.params.limit)}` }]
    case 'maximum':
      return [{ severity: 'error', path, message: `must be at most ${String(error.params.limit)}` }]
    case 'minItems':
    case 'minLength':
      return [{ severity: 'error', path, message: minimumMessage(error) }]
    case 'pattern':
    case 'const':
      return isInsideUnit(path) ? [] : [{ severity: 'error', path, message: 'has the wrong form' }]
    default:
      return isInsideUnit(path) ? [] : [{ severity: 'error', path, message: error.message ?? 'is not valid' }]
  }
}

function unknownKey(path: KeyPath, isHolder: (path: KeyPath) => boolean): Problem[] {
  const key = String(path.at(-1))
  // As in Compose files, `x-…` keys may define anchors; so may any key with an anchor that is used elsewhere.
  if (key.startsWith('x-') || isHolder(path)) return []
  const unread = unreadByOlla(path)
  if (unread !== undefined) return [{ severity: 'warning', path, message: unread }]
  const error = (hint: string): Problem[] => [{ severity: 'error', path, message: `unknown key${hint}` }]
  const guess = nearest(key, keysAt(path.slice(0, -1)))
  if (guess !== undefined) return error(`, did you mean "${guess}"?`)
  const sections = sectionsWith(key)
  return error(sections.length > 0 ? `; it belongs under ${sections.slice(0, 3).join(' or ')}` : '')
}

function minimumMessage({ keyword, params }: ErrorObject): string {
  const limit = Number(params.limit)
  if (keyword === 'minItems') return 'must not be an empty list'
  return limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`
}

function isInsideUnit(path: KeyPath): boolean {
  const schema = schemaAt(path)
  return schema?.[unitKeyword] !== undefined && schema.type === undefined
}

function unitMessage(path: KeyPath, data: unknown): string {
  if (path[0] === 'model_aliases') return 'must be a list of models, or a mapping with "targets"'
  if (!isInsideUnit(path)) return 'has none of the forms that are allowed here'
  if (schemaAt(path)?.[unitKeyword] === 'threads')
    return `must be a whole number from 1 to ${maxThreads}, or auto`
  if (schemaAt(path)?.[unitKeyword] === 'connections')
    return 'must be a whole number, 0 for no limit, or auto'
  if (schemaAt(path)?.[unitKeyword] === 'bytes')
    return 'must be bytes, as a number or with a unit: 1048576, 100MB'
  if (schemaAt(path)?.[unitKeyword] === 'memory')
    return 'must be bytes, as a number or with a unit (1048576, 100MB), or auto'
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
