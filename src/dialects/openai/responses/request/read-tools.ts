import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { CustomTool, FunctionTool, NamespaceMember, Tool } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { objectOf, refuse, textOf } from '../../chat/request/field-values.ts'
import { clientTool } from './client-tools.ts'
import { listOf } from './request-values.ts'

/** Tools of these types have no effect of their own. */
const withoutEffect: ReadonlySet<unknown> = new Set([
  // Deferred tools are sent with the others, so that the server has nothing to search.
  'tool_search',
  'programmatic_tool_calling',
])

/** Collects the tools of a request, which may also be in items of its input. A later tool replaces one of its name. */
export class ToolReader {
  readonly #uses: Set<Feature>
  readonly #tools = new Map<string, Tool>()
  /** Names of members of namespaces, by namespace and name. */
  readonly #members = new Map<string, string>()

  constructor(uses: Set<Feature>) {
    this.#uses = uses
  }

  get tools(): Tool[] {
    return [...this.#tools.values()]
  }

  /** @param field of the list */
  add(list: readonly unknown[], field: string): void {
    list.forEach((tool, index) => {
      if (!isObject(tool)) refuse(`${field}.${index}`, 'must be an object')
      this.#add(tool, `${field}.${index}`)
    })
  }

  /** The tool's name in the conversation. */
  nameOf(namespace: unknown, name: string): string {
    if (typeof namespace !== 'string' || namespace === '') return name
    return this.#members.get(memberKey({ namespace, name })) ?? joinedName({ namespace, name })
  }

  find(name: string): Tool | undefined {
    return this.#tools.get(name)
  }

  #add(tool: JsonObject, field: string): void {
    // The tools of a namespace are the client's; an MCP server with a URL is called by the server.
    if (tool.type === 'namespace' || (tool.type === 'mcp' && Array.isArray(tool.tools))) {
      this.#addNamespace(tool, field)
      return
    }
    const own = this.#ownTool(tool, field, undefined) ?? clientTool(tool)
    if (own !== undefined) this.#keep(own)
    else if (!withoutEffect.has(tool.type)) this.#addHosted(tool, field)
  }

  #addNamespace(tool: JsonObject, field: string): void {
    const namespace = textOf(tool, 'name', `${field}.`) ?? textOf(tool, 'server_label') ?? ''
    if (namespace === '') refuse(`${field}.name`, 'is required')
    this.#uses.add('tool_namespaces')
    listOf(tool, 'tools', `${field}.tools`).forEach((member, index) => {
      const path = `${field}.tools.${index}`
      if (!isObject(member)) refuse(path, 'must be an object')
      const own = this.#ownTool({ type: 'function', ...member }, path, namespace)
      if (own !== undefined) this.#keep(own)
    })
  }

  #addHosted(tool: JsonObject, field: string): void {
    const type = textOf(tool, 'type', `${field}.`) ?? ''
    if (type === '') refuse(`${field}.type`, 'is required')
    this.#uses.add('hosted_tools')
    this.#tools.set(`${type} ${String(tool.server_label ?? '')}`, { kind: 'hosted', type, definition: tool })
  }

  #keep(tool: FunctionTool | CustomTool): void {
    const { member } = tool
    if (member !== undefined) this.#members.set(memberKey(member), tool.name)
    this.#uses.add(tool.kind === 'custom' ? 'custom_tools' : 'tools')
    if (tool.kind === 'function' && tool.isStrict) this.#uses.add('strict_tools')
    this.#tools.set(tool.name, tool)
  }

  /** A tool that the client defines. */
  #ownTool(tool: JsonObject, field: string, namespace: string | undefined) {
    const isCustom = tool.type === 'custom'
    if (!isCustom && tool.type !== 'function' && tool.type !== undefined) return undefined
    // Some clients nest the definition as in the chat API.
    const inner = objectOf(tool, isCustom ? 'custom' : 'function', `${field}.`) ?? tool
    const ownName = textOf(inner, 'name', `${field}.`) ?? ''
    if (ownName === '') refuse(`${field}.name`, 'is required')
    const member = namespace === undefined ? undefined : { namespace, name: ownName }
    const name = member === undefined ? ownName : this.#uniqueName(member)
    const description = textOf(inner, 'description', `${field}.`)
    return isCustom
      ? customTool(name, description, inner, member)
      : functionTool(name, description, inner, member, field)
  }

  #uniqueName(member: NamespaceMember): string {
    const known = this.#members.get(memberKey(member))
    if (known !== undefined) return known
    const joined = joinedName(member)
    let name = joined
    for (let count = 2; this.#tools.has(name); count++) name = `${joined}_${count}`
    return name
  }
}

function functionTool(
  name: string,
  description: string | undefined,
  inner: JsonObject,
  member: NamespaceMember | undefined,
  field: string,
): FunctionTool {
  // MCP calls the schema `input_schema` or `inputSchema`.
  const key = ['parameters', 'input_schema', 'inputSchema'].find((each) => isObject(inner[each]))
  const schema = objectOf(inner, key ?? 'parameters', `${field}.`)
  return { kind: 'function', name, description, schema, isStrict: inner.strict === true, member }
}

function customTool(
  name: string,
  description: string | undefined,
  { format }: JsonObject,
  member: NamespaceMember | undefined,
): CustomTool {
  const isFreeText = !isObject(format) || format.type === 'text'
  return { kind: 'custom', name, description, format: isFreeText ? undefined : format, member }
}

/** Codex names a namespace `mcp__server__`, and tools `_tool` or `tool`. */
function joinedName({ namespace, name }: NamespaceMember): string {
  return namespace.endsWith('_') || name.startsWith('_') ? namespace + name : `${namespace}__${name}`
}

function memberKey({ namespace, name }: NamespaceMember): string {
  return `${namespace}\n${name}`
}
