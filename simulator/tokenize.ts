import { isObject, type JsonObject } from './request.ts'
import { askedModel, info, listOf, type RouteTable } from './route.ts'
import { countTokens } from './tokens.ts'

/** vLLM counts the messages of a chat. */
export const messageTokenizer: RouteTable = {
  'POST /tokenize': info(({ state, request, answer }) => {
    const body = request.json()
    const count = countTokens(promptOf(body))
    answer.json({ count, max_model_len: askedModel(state, body).contextLength, tokens: [] })
  }),
}

/** llama.cpp first applies the chat template to them. */
export const templateTokenizer: RouteTable = {
  'POST /apply-template': info(({ request, answer }) => answer.json({ prompt: promptOf(request.json()) })),
  'POST /tokenize': info(({ request, answer }) => {
    const { content } = request.json()
    answer.json({ tokens: Array.from({ length: countTokens(content) }, (_, index) => index) })
  }),
}

/** The messages as one text, in place of a chat template. */
function promptOf({ messages }: JsonObject): string {
  return listOf(messages, 'messages')
    .map((message) => (isObject(message) && typeof message.content === 'string' ? message.content : ''))
    .join(' ')
}
