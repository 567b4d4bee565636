import { type ContinueRequest, continuedChat, continuedCompletion } from './continued-request.ts'
import { type RewriteEvent, rewriteBlock, rewriteChoice, rewriteLine } from './continued-stream.ts'
import { blockText, choiceText, lineText, type ReadText } from './sent-text.ts'

/** How the streams of one operation are continued. */
export interface ContinuationForm {
  /** Whether its events are lines. */
  readonly isLines: boolean
  readonly readText: ReadText
  readonly request: ContinueRequest
  readonly rewrite: RewriteEvent
}

const chat: ContinuationForm = {
  isLines: false,
  readText: choiceText,
  request: continuedChat,
  rewrite: rewriteChoice,
}

/** By the name of the form of the answers. */
export const continuationForms: Readonly<Record<string, ContinuationForm | undefined>> = {
  chat,
  completions: { ...chat, request: continuedCompletion },
  messages: { ...chat, readText: blockText, request: continuedChat, rewrite: rewriteBlock },
  ollama: { isLines: true, readText: lineText, request: continuedChat, rewrite: rewriteLine },
}
