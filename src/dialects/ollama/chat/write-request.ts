import { originalNames, shortName } from '../../hub/calls/tool-names.ts'
import type { Conversation } from '../../hub/contract/conversation.ts'
import type { FormatTarget, WrittenRequest } from '../../hub/format.ts'
import { orderTurns } from '../../hub/parts/ordered-turns.ts'
import { writeSettings } from '../parts/write-settings.ts'
import { callableTools, writeTool } from '../parts/write-tools.ts'
import { writeMessages } from './write-messages.ts'

/** Writes a request to `/api/chat`. */
export function writeOllamaChatRequest(conversation: Conversation, target: FormatTarget): WrittenRequest {
  const { maxToolNameLength } = target.traits
  const tools = callableTools(conversation)
  const names = tools.map(({ name }) => name)
  return {
    body: {
      model: target.model,
      messages: writeMessages(orderTurns(conversation.turns), maxToolNameLength),
      ...(tools.length === 0 ? {} : { tools: tools.map((tool) => writeTool(tool, maxToolNameLength)) }),
      ...writeSettings(conversation, target),
    },
    originalNames: originalNames(names, maxToolNameLength),
    toolNames: names.map((name) => shortName(name, maxToolNameLength)),
  }
}
