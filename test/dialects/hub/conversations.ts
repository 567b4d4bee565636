import type {
  AssistantPart,
  Conversation,
  Part,
  Settings,
  Tool,
  ToolResult,
  Turn,
} from '../../../src/dialects/hub/contract/conversation.ts'
import type { FormatTarget } from '../../../src/dialects/hub/format.ts'
import type { ChatTraits } from '../../../src/endpoints/profiles/chat-shape.ts'

export const text = (value: string) => ({ kind: 'text' as const, text: value })
export const system = (value: string, isDeveloper = false): Turn => ({
  role: 'system',
  text: value,
  isDeveloper,
})
export const user = (...parts: (string | Part)[]): Turn => ({
  role: 'user',
  parts: parts.map((part) => (typeof part === 'string' ? text(part) : part)),
})
export const assistant = (...parts: (string | AssistantPart)[]): Turn => ({
  role: 'assistant',
  parts: parts.map((part) => (typeof part === 'string' ? text(part) : part)),
})
export const call = (id: string, name = 'f', args = '{}') => ({ kind: 'call' as const, id, name, args })
export const thinking = (value: string, signature?: string) => ({
  kind: 'thinking' as const,
  text: value,
  signature,
})
export const result = (callId: string, ...parts: (string | Part)[]): ToolResult => ({
  callId,
  parts: parts.map((part) => (typeof part === 'string' ? text(part) : part)),
  isError: false,
})
export const results = (...list: ToolResult[]): Turn => ({ role: 'results', results: list })
export const tool = (name: string, given: object = {}): Tool => ({
  kind: 'function',
  name,
  description: undefined,
  schema: undefined,
  isStrict: false,
  ...given,
})

export function conversation(
  turns: readonly Turn[],
  settings: Settings = {},
  given: Partial<Conversation> = {},
): Conversation {
  return { turns, tools: [], toolChoice: undefined, settings, isStream: false, uses: new Set(), ...given }
}

export function target(traits: Partial<ChatTraits> = {}): FormatTarget {
  return {
    model: 'native',
    traits: {
      reasoningField: 'none',
      thinkingSwitch: 'none',
      readsFiles: false,
      continuesMessages: false,
      ...traits,
    },
  }
}
