import type { ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import { originalNames, shortName } from '../../../hub/calls/tool-names.ts'
import type { Conversation, ToolChoice } from '../../../hub/contract/conversation.ts'
import { customToolDescription, customToolSchema } from '../../../hub/parts/custom-tool.ts'
import { type OfferedTool, offeredByChoice } from '../../../hub/parts/offered-tools.ts'

export interface ChatTools {
  readonly tools: readonly JsonObject[]
  /** As sent. */
  readonly toolNames: readonly string[]
  readonly originalNames: ReadonlyMap<string, string> | undefined
  /** Undefined leaves the choice to the endpoint. */
  readonly choice: unknown
}

const noTools: ChatTools = { tools: [], toolNames: [], originalNames: undefined, choice: undefined }

/** The tools that a model can call: no hosted ones, which no chat endpoint runs, and none that the choice excludes. */
export function chatTools(
  { tools, toolChoice }: Conversation,
  { maxToolNameLength }: Pick<ChatTraits, 'maxToolNameLength'>,
): ChatTools {
  if (tools.length === 0) return noTools
  const names: string[] = []
  const toolNames: string[] = []
  const sent: JsonObject[] = []
  for (const tool of offeredByChoice(tools, toolChoice)) {
    const name = shortName(tool.name, maxToolNameLength)
    names.push(tool.name)
    toolNames.push(name)
    sent.push({ type: 'function', function: chatFunction(tool, name) })
  }
  return {
    tools: sent,
    toolNames,
    originalNames: originalNames(names, maxToolNameLength),
    choice: chatChoice(toolChoice, toolNames, maxToolNameLength),
  }
}

const noArguments: JsonObject = { type: 'object', properties: {} }

/** A tool whose input is free text becomes a function with that text as its only argument. */
function chatFunction(tool: OfferedTool, name: string): JsonObject {
  const isCustom = tool.kind === 'custom'
  const description = isCustom ? customToolDescription(tool) : tool.description
  return {
    name,
    ...(description === undefined ? {} : { description }),
    parameters: isCustom ? customToolSchema : (tool.schema ?? noArguments),
    ...(!isCustom && tool.isStrict ? { strict: true } : {}),
  }
}

/** Dropping a tool also drops a choice of it, because servers reject unknown names. */
function chatChoice(
  choice: ToolChoice | undefined,
  toolNames: readonly string[],
  maxNameLength: number | undefined,
): unknown {
  switch (choice?.mode) {
    case undefined:
      return undefined
    case 'tool': {
      const name = shortName(choice.name, maxNameLength)
      return toolNames.includes(name) ? { type: 'function', function: { name } } : 'auto'
    }
    case 'allowed':
      return choice.isRequired ? 'required' : 'auto'
    default:
      return choice?.mode
  }
}
