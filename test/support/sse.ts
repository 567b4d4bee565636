import type { TestContext } from 'node:test'

export interface Message {
  readonly event: string
  readonly id: string | undefined
  readonly data: Record<string, unknown>
}

export interface EventStream {
  readonly response: Response
  /** All messages so far. */
  readonly messages: readonly Message[]
  /** The first message for which it holds, past or to come. @throws where the stream ends before */
  until(holds: (message: Message) => boolean): Promise<Message>
  /** Resolves when the stream has ended, with the text that was no message. */
  readonly ended: Promise<string>
  close(): void
}

/** A reader of server-sent events, as simple as the format that the gateway writes. */
export async function openEvents(
  t: TestContext,
  url: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const abort = new AbortController()
  const response = await fetch(url, { headers, signal: abort.signal })
  const messages: Message[] = []
  let rest = ''
  let isOver = false
  let waiting: (() => void)[] = []
  const tell = () => {
    const told = waiting
    waiting = []
    for (const resolve of told) resolve()
  }
  const read = async () => {
    try {
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const blocks = (rest + chunk).split('\n\n')
        rest = blocks.pop() ?? ''
        messages.push(...blocks.flatMap(toMessage))
        tell()
      }
    } catch {
      // Cut off, or closed here.
    }
    isOver = true
    tell()
    return rest
  }
  const ended = read()
  const close = () => abort.abort()
  t.after(close)
  return {
    response,
    messages,
    ended,
    close,
    async until(holds) {
      for (;;) {
        const found = messages.find(holds)
        if (found !== undefined) return found
        if (isOver) throw new Error(`the stream ended after ${messages.map(({ event }) => event).join(', ')}`)
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
  }
}

function toMessage(block: string): Message[] {
  const fields = new Map(
    block
      .split('\n')
      .filter((line) => !line.startsWith(':'))
      .map((line): [string, string] => {
        const mark = line.indexOf(': ')
        return [line.slice(0, mark), line.slice(mark + 2)]
      }),
  )
  const data = fields.get('data')
  if (data === undefined) return []
  return [{ event: fields.get('event') ?? 'message', id: fields.get('id'), data: JSON.parse(data) }]
}
