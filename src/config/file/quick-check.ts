import { isNode, type SchemaNode } from '../schema/input-schema.ts'
import { isRecord } from './decode.ts'

/**
 * Checks a value without Ajv, which takes 40 ms of a start to load and to compile. `false` only means that Ajv must
 * decide, for example because a schema has a keyword that is unknown here.
 * @returns true if Ajv would find no error
 */
export function isCertainlyValid(schema: SchemaNode, value: unknown): boolean {
  return Object.entries(schema).every(
    ([keyword, argument]) => annotations.has(keyword) || fulfills(keyword, argument, value, schema),
  )
}

const annotations: ReadonlySet<string> = new Set(['default', 'description', 'minimumMs', 'x-unit'])

function fulfills(keyword: string, argument: unknown, value: unknown, schema: SchemaNode): boolean {
  switch (keyword) {
    case 'type':
      return hasType(argument, value)
    case 'const':
      return value === argument
    case 'enum':
      return Array.isArray(argument) && argument.includes(value)
    case 'anyOf':
      return Array.isArray(argument) && argument.some((each) => isNode(each) && isCertainlyValid(each, value))
    case 'minimum':
      return typeof value !== 'number' || value >= Number(argument)
    case 'exclusiveMinimum':
      return typeof value !== 'number' || value > Number(argument)
    case 'maximum':
      return typeof value !== 'number' || value <= Number(argument)
    case 'pattern':
      return typeof value !== 'string' || new RegExp(String(argument), 'u').test(value)
    // JSON Schema counts code points, of which a text has at most as many as UTF-16 code units.
    case 'minLength':
      return typeof value !== 'string' || [...value].length >= Number(argument)
    case 'maxLength':
      return typeof value !== 'string' || value.length <= Number(argument)
    case 'minItems':
      return !Array.isArray(value) || value.length >= Number(argument)
    case 'items':
      return (
        !Array.isArray(value) || (isNode(argument) && value.every((each) => isCertainlyValid(argument, each)))
      )
    case 'required':
      return (
        !isRecord(value) || (Array.isArray(argument) && argument.every((key) => value[key] !== undefined))
      )
    case 'properties':
    case 'patternProperties':
    case 'additionalProperties':
      return (
        !isRecord(value) || Object.entries(value).every(([key, each]) => isMember(keyword, schema, key, each))
      )
    default:
      return false
  }
}

function hasType(type: unknown, value: unknown): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type
    case 'number':
      return Number.isFinite(value)
    case 'integer':
      return Number.isInteger(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isRecord(value)
    default:
      return false
  }
}

/** Whether one member of an object fulfills one of the three keywords for members. */
function isMember(keyword: string, schema: SchemaNode, key: string, value: unknown): boolean {
  const { properties = {}, patternProperties = {}, additionalProperties } = schema
  if (!isNode(properties) || !isNode(patternProperties)) return false
  const named = Object.hasOwn(properties, key) ? properties[key] : undefined
  const matching = Object.entries(patternProperties).filter(([pattern]) => new RegExp(pattern, 'u').test(key))
  const accepts = (each: unknown) => isNode(each) && isCertainlyValid(each, value)
  switch (keyword) {
    case 'properties':
      return named === undefined || value === undefined || accepts(named)
    case 'patternProperties':
      return matching.every(([, each]) => accepts(each))
    default:
      return named !== undefined || matching.length > 0 || additionalProperties === true
  }
}
