/** The JSON around what a line of an answer contains. */
export interface AnswerShape {
  readonly operation: 'chat' | 'generate'
  /** Before the JSON of a text, of thinking, and of the calls. */
  readonly textStart: string
  readonly thinkingStart: string
  readonly callsStart: string
  readonly end: string
}

export const chatShape: AnswerShape = {
  operation: 'chat',
  textStart: '"message":{"role":"assistant","content":',
  thinkingStart: '"message":{"role":"assistant","content":"","thinking":',
  callsStart: '"message":{"role":"assistant","content":"","tool_calls":',
  end: '}',
}

export const generateShape: AnswerShape = {
  operation: 'generate',
  textStart: '"response":',
  thinkingStart: '"response":"","thinking":',
  callsStart: '"response":"","tool_calls":',
  end: '',
}
