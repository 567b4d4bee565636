import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { HostileAnswer } from '../corpus/answers.ts'

const models = '{"object":"list","data":[{"id":"m","object":"model"}]}'

/** Answers `/hostile/<n>` with the n-th of the answers, `/good/<text>` with the text. */
export async function startHostileEndpoint(t: TestContext, answers: readonly HostileAnswer[]) {
  const sockets = new Set<Socket>()
  const targets: string[] = []
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    let held = ''
    socket.on('data', (bytes) => {
      held += bytes.toString('latin1')
      for (;;) {
        const end = held.indexOf('\r\n\r\n')
        if (end < 0) return
        const head = held.slice(0, end)
        const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
        if (held.length < end + 4 + length) return
        held = held.slice(end + 4 + length)
        const target = head.split(' ')[1] ?? ''
        targets.push(target)
        const hostile = /^\/hostile\/(\d+)$/.exec(target)?.[1]
        const answer = hostile === undefined ? undefined : answers[Number(hostile)]
        if (answer !== undefined) void play(socket, answer, target)
        else
          socket.write(textAnswer(target.startsWith('/v1/models') ? models : target, head.startsWith('HEAD')))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, targets }
}

function textAnswer(text: string, isHead: boolean): string {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n`
  return isHead ? head : head + text
}

async function play(
  socket: Socket,
  { parts, ends, isLate = false }: HostileAnswer,
  target: string,
): Promise<void> {
  if (typeof parts === 'function') {
    socket.write(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n'.slice(parts().startsWith('HTTP') ? 0 : 25),
    )
    // 40 MB at most: each of these has to be refused long before.
    for (let round = 0; round < 10_000 && !socket.destroyed; round++) {
      socket.write(parts(), 'latin1')
      if (round % 10 === 0) await delay(1)
    }
    return
  }
  for (const [at, part] of parts.entries()) {
    if (at > 0) await delay(isLate ? 50 : 1)
    if (part !== '' && socket.writable) socket.write(part.replace('{self}', target), 'latin1')
  }
  if (ends !== undefined) await delay(5)
  if (ends === 'fin') socket.end()
  if (ends === 'reset') socket.resetAndDestroy()
}
