import Anthropic from '@anthropic-ai/sdk'
import {
  type Answered,
  type Ask,
  type Client,
  callId,
  city,
  colorSchema,
  type Ending,
  maxTokens,
  nothing,
  question,
  RecordingFetch,
  result,
  tool,
  turns,
} from './ask.ts'

export const messages: Client = {
  format: 'messages',
  canAsk: ({ logprobs }) => logprobs !== true,
  async whole(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    return answered(await client.messages.create(requestOf(ask)), seen)
  },
  async stream(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    return answered(await client.messages.stream(requestOf(ask)).finalMessage(), seen)
  },
}

function clientOf(gateway: string) {
  const seen = new RecordingFetch()
  return {
    client: new Anthropic({ baseURL: gateway, apiKey: 'any', maxRetries: 0, fetch: seen.fetch }),
    seen,
  }
}

function requestOf(ask: Ask): Anthropic.MessageCreateParamsNonStreaming {
  return {
    model: ask.model,
    messages: messagesOf(ask),
    max_tokens: ask.maxTokens ?? maxTokens,
    // The API has it no longer for new models, but servers do.
    ...{ temperature: 0 },
    ...(ask.system === undefined ? {} : { system: ask.system }),
    ...(ask.hasTool === true
      ? { tools: [{ name: tool.name, description: tool.description, input_schema: tool.parameters }] }
      : {}),
    ...(ask.toolChoice === undefined ? {} : { tool_choice: toolChoiceOf(ask.toolChoice) }),
    ...(ask.isStructured === true
      ? { output_config: { format: { type: 'json_schema', schema: colorSchema } } }
      : {}),
    ...(ask.thinks === true ? { thinking: { type: 'adaptive' } } : {}),
    ...(ask.stop === undefined ? {} : { stop_sequences: [ask.stop] }),
  }
}

function messagesOf(ask: Ask): Anthropic.MessageParam[] {
  return [
    ...(ask.isConversation === true ? [turns[0], withThought(ask)] : []),
    { role: 'user', content: question },
    ...(ask.hasResult === true
      ? [
          {
            role: 'assistant' as const,
            content: [{ type: 'tool_use' as const, id: callId, name: tool.name, input: city }],
          },
          {
            role: 'user' as const,
            content: [{ type: 'tool_result' as const, tool_use_id: callId, content: result }],
          },
        ]
      : []),
  ]
}

function toolChoiceOf(choice: NonNullable<Ask['toolChoice']>): Anthropic.ToolChoice {
  switch (choice) {
    case 'named':
      return { type: 'tool', name: tool.name }
    case 'required':
      return { type: 'any' }
    default:
      return { type: choice }
  }
}

function answered({ content, stop_reason, usage }: Anthropic.Message, { mode }: RecordingFetch): Answered {
  const cached = (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0)
  return {
    meaning: {
      ...nothing,
      text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
      reasoning: content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
      calls: content.flatMap((block) =>
        block.type === 'tool_use' ? { name: block.name, args: block.input } : [],
      ),
      ending: endings[stop_reason ?? ''] ?? 'other',
      inputTokens: usage.input_tokens + cached,
      outputTokens: usage.output_tokens,
    },
    mode,
  }
}

const endings: Readonly<Record<string, Ending>> = {
  end_turn: 'stop',
  stop_sequence: 'stop sequence',
  max_tokens: 'length',
  tool_use: 'calls',
}

function withThought({ thought: thinking }: Ask): Anthropic.MessageParam {
  const [, answer] = turns
  if (thinking === undefined) return answer
  return {
    role: answer.role,
    content: [
      { type: 'thinking', thinking, signature: '' },
      { type: 'text', text: answer.content },
    ],
  }
}
