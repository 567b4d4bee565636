import { isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import type { AnswerFormat } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { objectOf, refuse } from './field-values.ts'

/** Types of `response_format` that constrain the answer by something else than JSON. */
const grammarTypes: ReadonlySet<string> = new Set([
  'grammar',
  'regex',
  'choice',
  'structural_tag',
  'ebnf',
  'lark',
])
/** Members of vLLM's `structured_outputs` that are not JSON. */
const grammarMembers = ['regex', 'choice', 'grammar', 'structural_tag']

/**
 * The required form of the answer: OpenAI's `response_format`, llama.cpp's variants of it and its `json_schema`, vLLM's
 * `guided_json` and `structured_outputs`, or Ollama's `format`.
 * @throws GatewayError invalid_request
 */
export function readFormat(request: JsonObject, uses: Set<Feature>): AnswerFormat | undefined {
  const format =
    responseFormat(request.response_format, uses) ??
    enforcedSchema(request.guided_json, 'guided_json') ??
    structuredOutputs(objectOf(request, 'structured_outputs'), uses) ??
    enforcedSchema(request.json_schema, 'json_schema') ??
    ollamaFormat(request.format)
  if (format !== undefined) uses.add(format.kind === 'json' ? 'json_mode' : 'json_schema')
  return format
}

function responseFormat(value: unknown, uses: Set<Feature>): AnswerFormat | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const format: JsonObject | undefined =
    typeof value === 'string' ? { type: value } : isObject(value) ? value : undefined
  if (format === undefined) refuse('response_format', 'must be an object')
  const type = textField(format, 'type') ?? (isObject(format.json_schema) ? 'json_schema' : undefined)
  if (type !== undefined && grammarTypes.has(type)) {
    uses.add('grammar')
    return undefined
  }
  switch (type) {
    case 'text':
      return undefined
    case 'json_object':
    case 'json':
      return schemaOf(format, 'response_format', 'schema') ?? { kind: 'json' }
    case 'json_schema': {
      const key = 'json_schema'
      const inner = objectOf(format, key, 'response_format.')
      const found = schemaOf(
        inner ?? format,
        `response_format${inner === undefined ? '' : `.${key}`}`,
        'schema',
      )
      return found ?? { kind: 'json' }
    }
    default:
      return refuse('response_format.type', `unknown type ${JSON.stringify(type ?? null)}`)
  }
}

/** A schema beside its name, as in `json_schema: {name, schema, strict}`. */
function schemaOf(holder: JsonObject, at: string, key: string): AnswerFormat | undefined {
  const schema = asSchema(holder[key], `${at}.${key}`)
  if (schema === undefined) return undefined
  return {
    kind: 'schema',
    name: textField(holder, 'name') || 'response',
    schema,
    description: textField(holder, 'description'),
    isStrict: typeof holder.strict === 'boolean' ? holder.strict : undefined,
  }
}

/** A schema that the engine enforces. */
function enforcedSchema(value: unknown, at: string): AnswerFormat | undefined {
  const schema = asSchema(value, at)
  if (schema === undefined) return undefined
  const named = isObject(schema.schema) ? schemaOf(schema, at, 'schema') : undefined
  return named ?? { kind: 'schema', name: 'response', schema, isStrict: true }
}

function structuredOutputs(value: JsonObject | undefined, uses: Set<Feature>): AnswerFormat | undefined {
  if (value === undefined) return undefined
  if (grammarMembers.some((key) => (value[key] ?? null) !== null)) uses.add('grammar')
  if (value.json_object === true) return { kind: 'json' }
  return enforcedSchema(value.json, 'structured_outputs.json')
}

function ollamaFormat(value: unknown): AnswerFormat | undefined {
  return value === 'json' ? { kind: 'json' } : enforcedSchema(value, 'format')
}

/** A schema, or its JSON text. */
function asSchema(value: unknown, at: string): JsonObject | undefined {
  if (value === undefined || value === null || value === '' || value === true) return undefined
  const schema = typeof value === 'string' ? parse(value) : value
  return isObject(schema) ? schema : refuse(at, 'must be a JSON schema')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
