import type { Answer } from './answer.ts'
import type { SimulatorState } from './model.ts'
import { findModel, jsonBody, paceMs, type SimulatorRequest } from './request.ts'
import { answerTokens, countTokens, wantedTokens } from './tokens.ts'

/** `POST /v1/messages` of servers that speak the Anthropic API themselves. */
export function messages(state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  const body = jsonBody(request)
  if (body === undefined) {
    fail(answer, 400, 'invalid_request_error', 'The request body is not valid JSON')
    return
  }
  if (findModel(state, body) === undefined) {
    fail(answer, 404, 'not_found_error', `model: ${String(body.model)}`)
    return
  }
  const tokens = answerTokens(state.name, wantedTokens(body.max_tokens))
  const usage = { input_tokens: countTokens(body.system, body.messages), output_tokens: tokens.length }
  const message = {
    id: 'msg_simulated',
    type: 'message',
    role: 'assistant',
    model: body.model,
    stop_sequence: null,
  }
  if (body.stream !== true) {
    const content = [{ type: 'text', text: tokens.join('') }]
    const whole = { ...message, content, stop_reason: 'end_turn', usage }
    setTimeout(() => answer.json(whole), state.timeToFirstTokenMs + paceMs(state) * tokens.length)
    return
  }
  const parts = [
    event('message_start', {
      message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
    }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...tokens.map((text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', {
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: tokens.length },
    }),
    event('message_stop', {}),
  ]
  answer.stream(parts, 'text/event-stream; charset=utf-8', state.timeToFirstTokenMs, paceMs(state))
}

function event(type: string, data: Readonly<Record<string, unknown>>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
}

function fail(answer: Answer, status: number, type: string, message: string): void {
  answer.json({ type: 'error', error: { type, message } }, status)
}
