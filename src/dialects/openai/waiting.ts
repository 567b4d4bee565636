import type { WaitingTalk } from '../contract/waiting-talk.ts'

/** What a stream of OpenAI's API may contain before its answer. */
export const openaiWaiting: WaitingTalk = {
  format: 'sse',
  headers: ['Content-Type', 'text/event-stream; charset=utf-8', 'Cache-Control', 'no-cache'],
  // No event has an ID yet: OpenAI's Python client would take the empty line after an ID for an event without data.
  note: (text) => `: ${text}\n\n`,
  reasoning(path, { text, id, model, nowMs }) {
    if (!path.endsWith('/chat/completions')) return undefined
    const chunk = {
      id: `chatcmpl-${id}`,
      object: 'chat.completion.chunk',
      created: Math.floor(nowMs / 1_000),
      model,
      choices: [
        {
          index: 0,
          delta: { role: 'assistant', content: '', reasoning_content: text },
          finish_reason: null,
        },
      ],
    }
    return `data: ${JSON.stringify(chunk)}\n\n`
  },
}
