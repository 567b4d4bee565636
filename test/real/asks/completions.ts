import type OpenAI from 'openai'
import {
  type Answered,
  type Ask,
  type Client,
  maxTokens,
  nothing,
  question,
  type RecordingFetch,
  sampling,
} from './ask.ts'
import { clientOf, endings } from './chat.ts'

export const completions: Client = {
  format: 'completions',
  canAsk: ({ hasTool, hasResult, isStructured, isConversation, system, model }) =>
    model !== 'thinks' &&
    ![hasTool, hasResult, isStructured, isConversation].includes(true) &&
    system === undefined,
  async whole(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    const { choices, usage } = await client.completions.create(requestOf(ask))
    return answered(choices[0]?.text ?? '', choices[0]?.finish_reason, usage, choices[0]?.logprobs, seen)
  },
  async stream(gateway, ask) {
    const { client, seen } = clientOf(gateway)
    const stream = await client.completions.create({
      ...requestOf(ask),
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    let finish: string | undefined
    let usage: OpenAI.CompletionUsage | undefined
    const logprobs: OpenAI.CompletionChoice.Logprobs = {}
    for await (const chunk of stream) {
      const [choice] = chunk.choices
      text += choice?.text ?? ''
      finish = choice?.finish_reason ?? finish
      usage = chunk.usage ?? usage
      logprobs.tokens = [...(logprobs.tokens ?? []), ...(choice?.logprobs?.tokens ?? [])]
      logprobs.top_logprobs = [...(logprobs.top_logprobs ?? []), ...(choice?.logprobs?.top_logprobs ?? [])]
    }
    return answered(text, finish, usage, logprobs, seen)
  },
}

function requestOf(ask: Ask): OpenAI.CompletionCreateParamsNonStreaming {
  return {
    model: ask.model,
    // The prompt ends as a template ends it, with the line break that begins an answer of the model.
    prompt: `${question}\n`,
    max_tokens: ask.maxTokens ?? maxTokens,
    ...sampling,
    ...(ask.stop === undefined ? {} : { stop: [ask.stop] }),
    ...(ask.logprobs === true ? { logprobs: 2 } : {}),
  }
}

function answered(
  text: string,
  finish: string | undefined,
  usage: OpenAI.CompletionUsage | undefined,
  logprobs: OpenAI.CompletionChoice.Logprobs | null | undefined,
  { mode }: RecordingFetch,
): Answered {
  return {
    meaning: {
      ...nothing,
      text,
      ending: endings[finish ?? ''] ?? 'other',
      inputTokens: usage?.prompt_tokens,
      outputTokens: usage?.completion_tokens,
      logprobs: (logprobs?.tokens ?? []).map((token, index) => ({
        token,
        top: Object.keys(logprobs?.top_logprobs?.[index] ?? {}).length,
      })),
    },
    mode,
  }
}
