import type { WaitingTalk } from '../contract/waiting-talk.ts'

/** What a stream of Ollama's API may contain before its answer: its clients parse every line. */
export const ollamaWaiting: WaitingTalk = {
  format: 'ndjson',
  headers: ['Content-Type', 'application/x-ndjson'],
  note: () => '',
  reasoning(path, { text, model, nowMs }) {
    const own = { model, created_at: new Date(nowMs).toISOString() }
    const line = path.endsWith('/chat')
      ? { ...own, message: { role: 'assistant', content: '', thinking: text }, done: false }
      : { ...own, response: '', thinking: text, done: false }
    return `${JSON.stringify(line)}\n`
  },
}
