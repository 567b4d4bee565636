import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

interface Message {
  readonly role: string
  readonly content?: unknown
  readonly tool_call_id?: string
  readonly tool_calls?: readonly { readonly id: string }[]
}

interface ToolSchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>
}

interface Tool {
  readonly function: { readonly name: string; readonly parameters?: ToolSchema }
}

/** A chat completion as the gateway asked for it. */
export interface AskedChat {
  readonly stream?: boolean
  readonly tools?: readonly Tool[]
  readonly messages: readonly Message[]
}

export interface ChatServer {
  readonly url: string
  readonly asked: readonly AskedChat[]
  /** Paths of all requests. */
  readonly paths: ReadonlySet<string>
}

export const chatModel = 'scripted'
const path = '/v1/chat/completions'
/** Names under which agents offer to run a command. */
const shellTools = ['Bash', 'bash', 'shell', 'shell_command', 'exec_command', 'local_shell']

/** The answer to a request for a summary, as agents make one when a conversation is long. */
export const summary = 'The user wants a file to be read.'

/**
 * A server that has nothing but chat completions, with a model that runs one command and then repeats what it printed.
 * Arguments arrive in pieces of a few characters.
 * @param promptTokens of each answer's usage, counted from 0
 */
export async function startChatServer(
  t: TestContext,
  command: string,
  promptTokens: (answer: number) => number = () => 100,
): Promise<ChatServer> {
  const asked: AskedChat[] = []
  const paths = new Set<string>()
  const server = createServer(async (request, response) => {
    paths.add(`${request.method} ${request.url}`)
    if (request.url === '/v1/models') {
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          object: 'list',
          data: [{ id: chatModel, object: 'model', supported_parameters: ['tools', 'tool_choice'] }],
        }),
      )
      return
    }
    if (request.url !== path) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"detail":"Not Found"}')
      return
    }
    const chat = JSON.parse(await textOf(request)) as AskedChat
    const usage = usageOf(promptTokens(asked.length))
    asked.push(chat)
    const { message, finish } = answerTo(chat, command)
    if (chat.stream === true) {
      response.setHeader('content-type', 'text/event-stream')
      response.end(events(message, finish, usage))
    } else {
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({ ...head, choices: [{ index: 0, message, finish_reason: finish }], usage }),
      )
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, paths }
}

const head = { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: chatModel }

const usageOf = (tokens: number) => ({
  prompt_tokens: tokens,
  completion_tokens: 10,
  total_tokens: tokens + 10,
})

interface Answer {
  readonly role: 'assistant'
  readonly content: string | null
  readonly tool_calls?: readonly {
    readonly id: string
    readonly type: 'function'
    readonly function: { readonly name: string; readonly arguments: string }
  }[]
}

function answerTo(chat: AskedChat, command: string): { message: Answer; finish: string } {
  if (asksForSummary(chat)) return { message: { role: 'assistant', content: summary }, finish: 'stop' }
  const result = resultIn(chat)
  if (result !== undefined)
    return { message: { role: 'assistant', content: `It printed: ${result}` }, finish: 'stop' }
  const tool = chat.tools?.find((each) => shellTools.includes(each.function.name))
  // Agents ask for a title or a topic too.
  if (tool === undefined) return { message: { role: 'assistant', content: 'No tool.' }, finish: 'stop' }
  const args = JSON.stringify(argumentsFor(tool, command))
  const call = {
    id: 'call_1',
    type: 'function' as const,
    function: { name: tool.function.name, arguments: args },
  }
  return { message: { role: 'assistant', content: null, tool_calls: [call] }, finish: 'tool_calls' }
}

/** Parts of what the gateway and Codex ask for. */
export const gatewaysPrompt = 'Summarize the conversation so far'
export const codexPrompt = 'CONTEXT CHECKPOINT COMPACTION'

/** Whether an agent, or the gateway for it, asks for a summary of the conversation. */
export function asksForSummary({ messages }: AskedChat): boolean {
  const last = messages.at(-1)
  const text = typeof last?.content === 'string' ? last.content : JSON.stringify(last?.content ?? '')
  return last?.role === 'user' && (text.includes(gatewaysPrompt) || text.includes(codexPrompt))
}

/** The text of the last result of a tool. */
export function resultIn({ messages }: AskedChat): string | undefined {
  const last = messages.findLast(({ role }) => role === 'tool')
  if (last === undefined) return undefined
  const { content } = last
  return typeof content === 'string' ? content : JSON.stringify(content)
}

function argumentsFor({ function: { parameters } }: Tool, command: string): object {
  const properties = parameters?.properties ?? {}
  if ('cmd' in properties) return { cmd: command }
  const text = properties.command?.type === 'array' ? ['bash', '-c', command] : command
  return 'description' in properties ? { command: text, description: 'Reads a file.' } : { command: text }
}

function events({ content, tool_calls = [] }: Answer, finish: string, usage: object): string {
  const deltas: object[] = [{ role: 'assistant', content: '' }]
  for (const piece of pieces(content ?? '')) deltas.push({ content: piece })
  for (const [index, { id, type, function: called }] of tool_calls.entries()) {
    deltas.push({ tool_calls: [{ index, id, type, function: { name: called.name, arguments: '' } }] })
    for (const piece of pieces(called.arguments))
      deltas.push({ tool_calls: [{ index, function: { arguments: piece } }] })
  }
  const chunk = { ...head, object: 'chat.completion.chunk' }
  return [
    ...deltas.map((delta) => ({ ...chunk, choices: [{ index: 0, delta, finish_reason: null }] })),
    { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: finish }] },
    { ...chunk, choices: [], usage },
  ]
    .map((each) => `data: ${JSON.stringify(each)}\n\n`)
    .concat('data: [DONE]\n\n')
    .join('')
}

function pieces(text: string): string[] {
  return text.match(/.{1,5}/gs) ?? []
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
