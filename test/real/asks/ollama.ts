import { type ChatResponse, type GenerateResponse, Ollama } from 'ollama'
import {
  type Answered,
  type Ask,
  type Client,
  callId,
  city,
  colorSchema,
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
import { endings } from './chat.ts'

export const ollamaChat: Client = {
  format: 'ollama-chat',
  canAsk: ({ toolChoice = 'auto' }) => toolChoice === 'auto',
  async whole(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    return chatAnswered([await client.chat({ ...chatRequest(ask), stream: false })], seen)
  },
  async stream(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    const lines: ChatResponse[] = []
    for await (const line of await client.chat({ ...chatRequest(ask), stream: true })) lines.push(line)
    return chatAnswered(lines, seen)
  },
}

export const ollamaGenerate: Client = {
  format: 'ollama-generate',
  canAsk: ({ hasTool, hasResult, isConversation }) => ![hasTool, hasResult, isConversation].includes(true),
  async whole(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    return generateAnswered([await client.generate({ ...generateRequest(ask), stream: false })], seen)
  },
  async stream(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    const lines: GenerateResponse[] = []
    for await (const line of await client.generate({ ...generateRequest(ask), stream: true }))
      lines.push(line)
    return generateAnswered(lines, seen)
  },
}

function clientOf(gateway: string) {
  const seen = new RecordingFetch()
  return { client: new Ollama({ host: gateway, fetch: seen.fetch }), seen }
}

function commonRequest(ask: Ask) {
  return {
    model: ask.model,
    options: {
      num_predict: ask.maxTokens ?? maxTokens,
      ...sampling,
      ...(ask.stop === undefined ? {} : { stop: [ask.stop] }),
    },
    ...(ask.thinks === true ? { think: true } : {}),
    ...(ask.isStructured === true ? { format: colorSchema } : {}),
    ...(ask.logprobs === true ? { logprobs: true, top_logprobs: 2 } : {}),
  }
}

function generateRequest(ask: Ask) {
  return {
    ...commonRequest(ask),
    prompt: question,
    ...(ask.system === undefined ? {} : { system: ask.system }),
  }
}

function chatRequest(ask: Ask) {
  return {
    ...commonRequest(ask),
    messages: [
      ...(ask.system === undefined ? [] : [{ role: 'system', content: ask.system }]),
      ...(ask.isConversation === true ? [turns[0], { ...turns[1], thinking: ask.thought ?? '' }] : []),
      { role: 'user', content: question },
      ...(ask.hasResult === true
        ? [
            {
              role: 'assistant',
              content: '',
              tool_calls: [{ id: callId, function: { name: tool.name, arguments: city } }],
            },
            { role: 'tool', tool_name: tool.name, tool_call_id: callId, content: result },
          ]
        : []),
    ],
    ...(ask.hasTool === true ? { tools: [{ type: 'function', function: tool }] } : {}),
  }
}

function chatAnswered(lines: readonly ChatResponse[], { mode }: RecordingFetch): Answered {
  const calls = lines.flatMap(({ message }) => message.tool_calls ?? [])
  const meaning = {
    ...meaningOf(lines),
    text: lines.map(({ message }) => message.content).join(''),
    reasoning: lines.map(({ message }) => message.thinking ?? '').join(''),
    calls: calls.map(({ function: { name, arguments: args } }) => ({ name, args })),
  }
  // Ollama's own `done_reason` does not name calls.
  const isCall = calls.length > 0 && meaning.ending === 'stop'
  return { meaning: isCall ? { ...meaning, ending: 'calls' } : meaning, mode }
}

function generateAnswered(lines: readonly GenerateResponse[], { mode }: RecordingFetch): Answered {
  const meaning = {
    ...meaningOf(lines),
    text: lines.map(({ response }) => response).join(''),
    reasoning: lines.map(({ thinking }) => thinking ?? '').join(''),
  }
  return { meaning, mode }
}

function meaningOf(lines: readonly (ChatResponse | GenerateResponse)[]): Meaning {
  const last = lines.at(-1)
  return {
    ...nothing,
    ending: last?.done === true ? (endings[last.done_reason] ?? 'other') : 'other',
    inputTokens: last?.prompt_eval_count,
    outputTokens: last?.eval_count,
    logprobs: lines
      .flatMap(({ logprobs }) => logprobs ?? [])
      .map(({ token, top_logprobs }) => ({ token, top: top_logprobs?.length ?? 0 })),
  }
}
