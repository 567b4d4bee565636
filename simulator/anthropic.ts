import type { Frame } from './pace.ts'
import { rejectionStyles } from './rejections.ts'
import type { JsonObject } from './request.ts'
import { around, askedModel, type Exchange, inference, listOf, type RouteTable, token } from './route.ts'
import { scriptedMessage } from './scripted-message.ts'
import { answerLength, answerText, answerToken, countTokens } from './tokens.ts'

/** Routes below `/v1` of servers that speak the Anthropic API themselves. */
export const messageRoutes: RouteTable = {
  'POST /messages': inference(messages, rejectionStyles.anthropic),
}

/** Servers that count tokens as well. */
export const messageAndCountRoutes: RouteTable = {
  ...messageRoutes,
  'POST /messages/count_tokens': inference(countMessageTokens, rejectionStyles.anthropic),
}

interface Message {
  readonly name: string
  readonly tokens: number
  readonly inputTokens: number
  readonly stopReason: 'end_turn' | 'max_tokens'
  readonly head: JsonObject
}

function messages(exchange: Exchange): void {
  const { state, request, answer } = exchange
  const body = request.json()
  const prompt = listOf(body.messages, 'messages')
  const model = askedModel(state, body).name
  const { tokens, isCut } = answerLength(body.max_tokens)
  const id = `msg_${request.bodySha256.slice(0, 24)}`
  const message: Message = {
    name: state.name,
    tokens,
    inputTokens: countTokens(body.system, prompt),
    stopReason: isCut ? 'max_tokens' : 'end_turn',
    head: { id, type: 'message', role: 'assistant', model, stop_sequence: null },
  }
  const script = state.takeScript()
  if (script !== undefined) {
    const { head, inputTokens } = message
    scriptedMessage(exchange, script, { head, inputTokens, isStream: body.stream === true })
    return
  }
  if (body.stream === true) {
    answer.stream(messageEvents(message), 'text/event-stream; charset=utf-8')
    return
  }
  answer.generated(tokens, () => ({
    ...message.head,
    content: [{ type: 'text', text: answerText(state.name, tokens) }],
    stop_reason: message.stopReason,
    usage: { input_tokens: message.inputTokens, output_tokens: tokens },
  }))
}

function* messageEvents({ name, tokens, inputTokens, stopReason, head }: Message): Generator<Frame> {
  const usage = { input_tokens: inputTokens, output_tokens: 0 }
  yield around(event('message_start', { message: { ...head, content: [], stop_reason: null, usage } }))
  yield around(event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }))
  yield around(event('ping', {}))
  for (let index = 0; index < tokens; index++) {
    const delta = { type: 'text_delta', text: answerToken(name, index) }
    yield token(event('content_block_delta', { index: 0, delta }))
  }
  yield around(event('content_block_stop', { index: 0 }))
  yield around(
    event('message_delta', {
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: { output_tokens: tokens },
    }),
  )
  yield around(event('message_stop', {}))
}

function countMessageTokens({ state, request, answer }: Exchange): void {
  const body = request.json()
  askedModel(state, body)
  answer.json({ input_tokens: countTokens(body.system, listOf(body.messages, 'messages')) })
}

function event(type: string, data: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
}
