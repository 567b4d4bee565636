import type OpenAI from 'openai'
import {
  type Answered,
  type Ask,
  argsOf,
  type Client,
  callId,
  city,
  colorSchema,
  type Ending,
  maxTokens,
  question,
  type RecordingFetch,
  result,
  tool,
  turns,
} from './ask.ts'
import { clientOf } from './chat.ts'

type Response = OpenAI.Responses.Response
type Item = OpenAI.Responses.ResponseOutputItem

export const responses: Client = {
  format: 'responses',
  canAsk: ({ stop }) => stop === undefined,
  async whole(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    return answered(await client.responses.create(requestOf(ask)), seen)
  },
  async stream(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    const stream = client.responses.stream(requestOf(ask))
    return answered(await stream.finalResponse(), seen)
  },
}

function requestOf(ask: Ask): Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, 'stream'> {
  return {
    model: ask.model,
    input: inputOf(ask),
    max_output_tokens: ask.maxTokens ?? maxTokens,
    temperature: 0,
    ...(ask.system === undefined ? {} : { instructions: ask.system }),
    ...(ask.hasTool === true ? { tools: [{ type: 'function', ...tool, strict: false }] } : {}),
    ...(ask.toolChoice === undefined
      ? {}
      : {
          tool_choice: ask.toolChoice === 'named' ? { type: 'function', name: tool.name } : ask.toolChoice,
        }),
    ...(ask.isStructured === true
      ? { text: { format: { type: 'json_schema', name: 'color', strict: true, schema: colorSchema } } }
      : {}),
    ...(ask.thinks === true ? { reasoning: { effort: 'medium', summary: 'auto' } } : {}),
    ...(ask.logprobs === true ? { top_logprobs: 2, include: ['message.output_text.logprobs'] } : {}),
  }
}

function inputOf(ask: Ask): OpenAI.Responses.ResponseInput {
  return [
    ...(ask.isConversation === true ? withThought(ask) : []),
    { role: 'user', content: question },
    ...(ask.hasResult === true
      ? [
          {
            type: 'function_call' as const,
            call_id: callId,
            name: tool.name,
            arguments: JSON.stringify(city),
          },
          { type: 'function_call_output' as const, call_id: callId, output: result },
        ]
      : []),
  ]
}

function answered(response: Response, { mode }: RecordingFetch): Answered {
  const { output, usage } = response
  const parts = output.flatMap((item) => (item.type === 'message' ? item.content : []))
  const texts = parts.flatMap((part) => (part.type === 'output_text' ? part : []))
  return {
    meaning: {
      text: texts.map(({ text }) => text).join(''),
      reasoning: output.map(reasoningOf).join(''),
      calls: output.flatMap((item) =>
        item.type === 'function_call' ? { name: item.name, args: argsOf(item.arguments) } : [],
      ),
      ending: endingOf(response),
      inputTokens: usage?.input_tokens,
      outputTokens: usage?.output_tokens,
      logprobs: texts
        .flatMap(({ logprobs }) => logprobs ?? [])
        .map(({ token, top_logprobs }) => ({ token, top: top_logprobs.length })),
    },
    mode,
  }
}

function reasoningOf(item: Item): string {
  if (item.type !== 'reasoning') return ''
  return [...(item.content ?? []), ...(item.content?.length ? [] : item.summary)]
    .map(({ text }) => text)
    .join('')
}

function endingOf({ status, incomplete_details, output }: Response): Ending {
  if (status === 'incomplete' && incomplete_details?.reason === 'max_output_tokens') return 'length'
  if (status !== 'completed') return 'other'
  return output.some(({ type }) => type === 'function_call') ? 'calls' : 'stop'
}

function withThought({ thought }: Ask): OpenAI.Responses.ResponseInput {
  const [greeting, answer] = turns
  if (thought === undefined) return [greeting, answer]
  return [
    greeting,
    { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: thought }] },
    {
      type: 'message',
      id: 'msg_1',
      role: answer.role,
      status: 'completed',
      content: [{ type: 'output_text', text: answer.content, annotations: [] }],
    },
  ]
}
