/** One server-sent event whose data is JSON. */
export interface ServerMessage {
  readonly event: string
  readonly id: string | undefined
  readonly data: unknown
}

/** Maximum length of a message in characters. The gateway's messages are far shorter. */
const maxMessage = 1_000_000

/** Parses the text of the gateway's event stream into messages. */
export class EventMessages {
  #rest = ''

  push(text: string): ServerMessage[] {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = (blocks.pop() ?? '').slice(-maxMessage)
    return blocks.flatMap(readMessage)
  }
}

function readMessage(block: string): ServerMessage[] {
  let event = 'message'
  let id: string | undefined
  let data = ''
  for (const line of block.split('\n')) {
    const value = line.slice(line.indexOf(':') + 1).trimStart()
    if (line.startsWith('event:')) event = value
    else if (line.startsWith('id:')) id = value
    else if (line.startsWith('data:')) data += value
  }
  if (data === '') return []
  try {
    return [{ event, id, data: JSON.parse(data) }]
  } catch {
    return []
  }
}
