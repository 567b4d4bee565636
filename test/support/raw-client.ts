import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What came over one connection, and how it ended. */
export interface RawAnswer {
  readonly text: string
  /** `end` for a FIN, else the code of the error (`ECONNRESET`, `ECONNREFUSED`). */
  readonly ending: string
}

/** Opens a connection on loopback and sends bytes as they are. */
export async function openRaw(port: number, text = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => {})
  if (text !== '') socket.write(text)
  return socket
}

/** Sends bytes as they are and reads until the other side ends the connection. */
export function exchangeRaw(port: number, text: string): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1')
    const done = (ending: string) => {
      socket.destroy()
      resolve({ text: Buffer.concat(chunks).toString('utf8'), ending })
    }
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('end', () => done('end'))
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
    socket.write(text)
  })
}

/** A request whose connection is closed behind the answer, unless another header is given. */
export function rawPost(path: string, body: string, header = 'Connection: close'): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${header}\r\n\r\n${body}`
}
