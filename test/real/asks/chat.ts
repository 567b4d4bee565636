import OpenAI from 'openai'
import {
  type Answered,
  type Ask,
  argsOf,
  type Client,
  callId,
  city,
  colorSchema,
  type Ending,
  type Meaning,
  maxTokens,
  nothing,
  question,
  RecordingFetch,
  result,
  sampling,
  tool,
  turns,
} from './ask.ts'

type Completion = OpenAI.ChatCompletion

export const chat: Client = {
  format: 'chat',
  canAsk: () => true,
  async whole(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    return answered(await client.chat.completions.create(requestOf(ask)), seen)
  },
  async stream(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    const stream = client.chat.completions.stream({
      ...requestOf(ask),
      stream_options: { include_usage: true },
    })
    let reasoning = ''
    stream.on('chunk', ({ choices }) => {
      reasoning += reasoningOf(choices[0]?.delta)
    })
    const { meaning, mode } = answered(await stream.finalChatCompletion(), seen)
    return { meaning: { ...meaning, reasoning }, mode }
  },
}

export function clientOf(gateway: string): { client: OpenAI; seen: RecordingFetch } {
  const seen = new RecordingFetch()
  const client = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: 'any', maxRetries: 0, fetch: seen.fetch })
  return { client, seen }
}

function requestOf(ask: Ask): Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, 'stream'> {
  return {
    model: ask.model,
    messages: messagesOf(ask),
    max_tokens: ask.maxTokens ?? maxTokens,
    ...sampling,
    ...(ask.hasTool === true ? { tools: [{ type: 'function', function: tool }] } : {}),
    ...(ask.toolChoice === undefined ? {} : { tool_choice: toolChoiceOf(ask.toolChoice) }),
    ...(ask.isStructured === true
      ? {
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'color', strict: true, schema: colorSchema },
          },
        }
      : {}),
    ...(ask.thinks === true ? { reasoning_effort: 'medium' } : {}),
    ...(ask.stop === undefined ? {} : { stop: [ask.stop] }),
    ...(ask.logprobs === true ? { logprobs: true, top_logprobs: 2 } : {}),
  }
}

function messagesOf(ask: Ask): OpenAI.ChatCompletionMessageParam[] {
  return [
    ...(ask.system === undefined ? [] : [{ role: 'system' as const, content: ask.system }]),
    ...(ask.isConversation === true ? withThought(ask) : []),
    { role: 'user', content: question },
    ...(ask.hasResult === true
      ? [
          {
            role: 'assistant' as const,
            tool_calls: [
              {
                id: callId,
                type: 'function' as const,
                function: { name: tool.name, arguments: JSON.stringify(city) },
              },
            ],
          },
          { role: 'tool' as const, tool_call_id: callId, content: result },
        ]
      : []),
  ]
}

function toolChoiceOf(choice: NonNullable<Ask['toolChoice']>): OpenAI.ChatCompletionToolChoiceOption {
  return choice === 'named' ? { type: 'function', function: { name: tool.name } } : choice
}

function answered({ choices, usage }: Completion, { mode }: RecordingFetch): Answered {
  const [choice] = choices
  const meaning: Meaning = {
    ...nothing,
    text: choice?.message.content ?? '',
    reasoning: reasoningOf(choice?.message),
    calls: (choice?.message.tool_calls ?? []).flatMap((call) =>
      call.type === 'function' ? { name: call.function.name, args: argsOf(call.function.arguments) } : [],
    ),
    ending: endings[choice?.finish_reason ?? ''] ?? 'other',
    inputTokens: usage?.prompt_tokens,
    outputTokens: usage?.completion_tokens,
    logprobs: (choice?.logprobs?.content ?? []).map(({ token, top_logprobs }) => ({
      token,
      top: top_logprobs.length,
    })),
  }
  return { meaning, mode }
}

function reasoningOf(message: object | undefined): string {
  const { reasoning_content: text } = (message ?? {}) as { reasoning_content?: unknown }
  return typeof text === 'string' ? text : ''
}

export const endings: Readonly<Record<string, Ending>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'calls',
}

/** llama.cpp and others read thoughts in a field that OpenAI's API does not have. */
function withThought({ thought }: Ask): OpenAI.ChatCompletionMessageParam[] {
  const [greeting, answer] = turns
  return [greeting, { ...answer, ...(thought === undefined ? {} : { reasoning_content: thought }) }]
}
