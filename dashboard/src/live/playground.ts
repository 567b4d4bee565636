/** The playground's conversation, kept while other views are shown. */
import { computed, effect, signal } from '@preact/signals'
import { requestChat } from '../api/chat.ts'
import { type ChatMessage, playgroundApi } from '../api/dialects.ts'
import { type ChatRun, isRunning, startedRun, withChatEvent } from '../state/chat-run.ts'
import { features } from './gateway.ts'
import { readSession, writeSession } from './session-text.ts'

export interface Turn {
  readonly id: number
  readonly prompt: string
  readonly run: ChatRun
}

export const playgroundModel = signal('')
/** ID of the API. */
export const playgroundApiId = signal('chat')
export const isStreamed = signal(true)
export const showsRaw = signal(true)
export const systemPrompt = signal('')
export const temperature = signal('')
export const maxTokens = signal('')
export const turns = signal<readonly Turn[]>([])

const keyName = 'playground-key'
/** The API key of requests. Only this tab keeps it, until it is closed. */
export const playgroundKey = signal(readSession(keyName))
effect(() => writeSession(keyName, playgroundKey.value))

/** Whether requests need an API key. */
export const needsKey = computed(() => features.value?.keys === true)

let nextId = 1
let stopCurrent: (() => void) | undefined

/** Sends a prompt with the conversation so far; resolves when the answer has ended in any way. */
export async function sendPrompt(prompt: string): Promise<void> {
  const abort = new AbortController()
  const model = playgroundModel.peek()
  const messages = conversation(prompt)
  const turn: Turn = { id: nextId++, prompt, run: startedRun(model, performance.now()) }
  turns.value = [...turns.peek(), turn]
  stopCurrent = () => abort.abort()
  const chat = {
    model,
    messages,
    temperature: numberOf(temperature.peek()),
    maxTokens: numberOf(maxTokens.peek()),
    isStream: isStreamed.peek(),
  }
  const key = needsKey.peek() ? playgroundKey.peek().trim() : ''
  for await (const event of requestChat(playgroundApi(playgroundApiId.peek()), chat, abort.signal, key)) {
    turns.value = turns
      .peek()
      .map((each) =>
        each.id === turn.id ? { ...each, run: withChatEvent(each.run, event, performance.now()) } : each,
      )
  }
}

export function stopAnswer(): void {
  stopCurrent?.()
}

export function clearConversation(): void {
  stopAnswer()
  turns.value = []
}

/** Leaves out failed and incomplete answers. */
function conversation(prompt: string): ChatMessage[] {
  const system = systemPrompt.peek().trim()
  const before = turns
    .peek()
    .filter(({ run }) => !isRunning(run) && run.phase !== 'failed' && run.text !== '')
    .flatMap(({ prompt: asked, run }): ChatMessage[] => [
      { role: 'user', content: asked },
      { role: 'assistant', content: run.text },
    ])
  return [
    ...(system === '' ? [] : [{ role: 'system', content: system } as const]),
    ...before,
    { role: 'user', content: prompt },
  ]
}

function numberOf(text: string): number | undefined {
  const value = Number.parseFloat(text)
  return Number.isFinite(value) ? value : undefined
}
