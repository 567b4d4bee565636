import type { ServerApi } from '../profiles.ts'
import type { Ask } from './ask.ts'

/** What clients ask. */
export const asks: readonly Ask[] = [
  { name: 'a question', model: 'says' },
  { name: 'a system prompt', model: 'says', system: 'Be brief.' },
  { name: 'a conversation', model: 'says', isConversation: true },
  { name: 'structured output', model: 'says', isStructured: true },
  { name: 'three tokens', model: 'says', maxTokens: 3 },
  { name: 'a stop sequence', model: 'says', stop: ' small' },
  { name: 'log probabilities', model: 'says', logprobs: true },
  { name: 'a tool that is not needed', model: 'says', hasTool: true },
  { name: 'a thought that was not asked for', model: 'thinks' },
  { name: 'a thought', model: 'thinks', thinks: true },
  { name: 'a thought cut by max_tokens', model: 'thinks', thinks: true, maxTokens: 3 },
  { name: 'a thought handed back', model: 'thinks', isConversation: true, thought: 'They greet me.' },
  { name: 'a tool', model: 'calls', hasTool: true },
  { name: 'a required tool', model: 'calls', hasTool: true, toolChoice: 'required' },
  { name: 'a named tool', model: 'calls', hasTool: true, toolChoice: 'named' },
  { name: 'a forbidden tool', model: 'calls', hasTool: true, toolChoice: 'none' },
  { name: 'the result of a tool', model: 'calls', hasTool: true, hasResult: true },
  { name: 'a call cut by max_tokens', model: 'calls', hasTool: true, maxTokens: 6, isCut: true },
]

/** What the server's own route refuses in the form in which the client sends it, so that it is translated after all. */
export const ownRefusals: ReadonlyMap<string, readonly string[]> = new Map([
  // Messages of the assistant without a type.
  ['responses', ['a conversation']],
])

/** What the APIs of the server lack or ignore: a request for it goes to another one, or is refused if there is none. */
export const serverLimits: ReadonlyMap<ServerApi, readonly string[]> = new Map([
  ['responses', ['structured output', 'log probabilities', 'a stop sequence']],
  ['messages', ['structured output', 'log probabilities', 'a forbidden tool']],
])
