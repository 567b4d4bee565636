import assert from 'node:assert/strict'
import type {
  AssistantPart,
  Conversation,
  Part,
  Settings,
  Tool,
  ToolResult,
  Turn,
} from '../../../../src/dialects/hub/contract/conversation.ts'
import { writeChatRequest } from '../../../../src/dialects/openai/chat/request/write-request.ts'
import { type ChatTraits, plainChat } from '../../../../src/endpoints/profiles/chat-shape.ts'

export const text = (content: string): Part & AssistantPart => ({ kind: 'text', text: content })
export const user = (...parts: (string | Part)[]): Turn => ({
  role: 'user',
  parts: parts.map((part) => (typeof part === 'string' ? text(part) : part)),
})
export const assistant = (...parts: AssistantPart[]): Turn => ({ role: 'assistant', parts })
export const call = (id: string, name = 'f', args = '{}'): AssistantPart => ({ kind: 'call', id, name, args })
export const result = (callId: string, parts: Part[], beside: Partial<ToolResult> = {}): ToolResult => ({
  callId,
  parts,
  isError: false,
  ...beside,
})
export const results = (...list: ToolResult[]): Turn => ({ role: 'results', results: list })
export const tool = (name: string, isStrict = false): Tool => ({
  kind: 'function',
  name,
  description: undefined,
  schema: undefined,
  isStrict,
})

export const write = (given: Partial<Conversation>, traits: Partial<ChatTraits> = {}) =>
  writeChatRequest(
    {
      turns: [user('a')],
      tools: [],
      toolChoice: undefined,
      settings: {},
      isStream: false,
      uses: new Set(),
      ...given,
    },
    { model: 'm', traits: { ...plainChat, ...traits } },
  )
export const messages = (turns: Turn[], traits: Partial<ChatTraits> = {}) =>
  write({ turns }, traits).body.messages as Record<string, unknown>[]
/** Everything but the model and the messages. */
export const settings = (given: Settings, traits: Partial<ChatTraits> = {}) => {
  const { model, messages: sent, ...rest } = write({ settings: given }, traits).body
  assert.ok(model !== undefined && sent !== undefined)
  return rest
}
