import { environmentKeys } from '../../src/config/file/environment.ts'
import { inputSchema, isNode, type SchemaNode } from '../../src/config/schema/input-schema.ts'
import { unitKeyword } from '../../src/config/schema/units.ts'
import { cell, code, table } from './markdown.ts'

interface Row {
  readonly key: string
  readonly type: string
  readonly fallback: string
  readonly text: string
}

/** Every key of the configuration as a Markdown page, from the schema that also checks it. */
export function configurationReference(): string {
  const schema = inputSchema()
  const variables = new Map<string, string[]>()
  for (const [name, key] of environmentKeys) variables.set(key, [...(variables.get(key) ?? []), name])
  const sections = Object.entries(propertiesOf(schema)).map(([name, node]) => {
    const rows = leaves(name, node)
    const lines = rows.map(({ key, type, fallback, text }) => [
      code(key),
      cell(type),
      fallback === '' ? '' : code(fallback),
      cell(`${text}${variablesOf(variables.get(key))}`),
    ])
    return `## ${name}\n\n${describe(node)}\n\n${table(['key', 'type', 'default', 'what'], lines)}`
  })
  return [
    '# Configuration reference',
    '',
    'Generated from the schema by `npm run docs`; a test compares it with the code. `config/schema.json` is for editors.',
    '[Quick start](quick-start.md) describes how the file is found and how to check one.',
    '',
    'A duration is a Go duration (`250ms`, `1h30m`) or `0`; a size is a number of bytes or has a binary unit (`100MB`,',
    '`64KiB`). Any value may be `${VAR}` or `${VAR:-default}`. An environment variable named below overrides its key.',
    '',
    sections.join('\n\n'),
    '',
  ].join('\n')
}

function leaves(path: string, node: SchemaNode): Row[] {
  const properties = propertiesOf(node)
  if (node.type === 'object' && Object.keys(properties).length > 0) {
    return Object.entries(properties).flatMap(([key, child]) => leaves(`${path}.${key}`, child))
  }
  const form = sectionIn(node)
  if (form !== undefined) return leaves(path, form)
  const own: Row = { key: path, type: typeOf(node), fallback: defaultOf(node), text: describe(node) }
  const { items } = node
  const isList = isNode(items) && Object.keys(propertiesOf(items)).length > 0
  return isList ? [own, ...leaves(`${path}[]`, items)] : [own]
}

/** The section of a value that may also be a list of such sections. */
function sectionIn({ anyOf, type }: SchemaNode): SchemaNode | undefined {
  if (type !== undefined || !Array.isArray(anyOf)) return undefined
  const [section, list] = anyOf.filter(isNode)
  const isPair = section?.type === 'object' && list?.type === 'array' && anyOf.length === 2
  return isPair ? section : undefined
}

function propertiesOf({ properties }: SchemaNode): Record<string, SchemaNode> {
  if (!isNode(properties)) return {}
  return Object.fromEntries(
    Object.entries(properties).filter((entry): entry is [string, SchemaNode] => isNode(entry[1])),
  )
}

function typeOf(node: SchemaNode): string {
  if (node[unitKeyword] === 'duration') return 'duration'
  if (node[unitKeyword] === 'bytes') return 'size'
  if (node[unitKeyword] === 'memory') return 'size or `auto`'
  if (Array.isArray(node.enum)) return node.enum.map((value) => code(String(value))).join(', ')
  if (Array.isArray(node.anyOf)) return [...new Set(node.anyOf.filter(isNode).map(typeOf))].join(' or ')
  if (node.const !== undefined) return code(JSON.stringify(node.const))
  if (node.type === 'array') return isNode(node.items) ? `list of ${typeOf(node.items)}` : 'list'
  if (node.type === 'object') return 'map'
  return `${String(node.type)}${range(node)}`
}

function range({ minimum, maximum }: SchemaNode): string {
  if (minimum !== undefined && maximum !== undefined) return `, ${String(minimum)} to ${String(maximum)}`
  if (minimum !== undefined && minimum !== 0) return `, at least ${String(minimum)}`
  return maximum === undefined ? '' : `, at most ${String(maximum)}`
}

function defaultOf(node: SchemaNode): string {
  return 'default' in node ? JSON.stringify(node.default) : ''
}

function describe({ description }: SchemaNode): string {
  return typeof description === 'string' ? description : ''
}

function variablesOf(names: readonly string[] | undefined): string {
  return names === undefined ? '' : ` ${names.map(code).join(', ')}`
}
