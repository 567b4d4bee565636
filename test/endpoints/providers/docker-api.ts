import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A container as `GET /containers/json` lists it, with its addresses by network. */
export function container(name: string, networks: Record<string, string>, others: object = {}): object {
  return {
    Names: [`/${name}`],
    Labels: { 'olla-gateway.enable': 'true' },
    State: 'running',
    Status: 'Up 3 minutes',
    Ports: [{ PrivatePort: 11434, Type: 'tcp' }],
    NetworkSettings: {
      Networks: Object.fromEntries(Object.entries(networks).map(([key, IPAddress]) => [key, { IPAddress }])),
    },
    ...others,
  }
}

/** Docker's API on a socket: the list of containers and the stream of events. */
export async function startDocker(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'docker-'))
  const socketPath = join(folder, 'docker.sock')
  const streams = new Set<ServerResponse>()
  let containers: object[] = []
  let lists = 0
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/containers/json?filters=') === true) {
      lists++
      response.end(JSON.stringify(containers))
    } else if (request.url?.startsWith('/events?filters=') === true) {
      response.flushHeaders()
      streams.add(response)
      response.on('close', () => streams.delete(response))
    } else response.writeHead(404).end()
  })
  server.listen(socketPath)
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    folder,
    socketPath,
    streams,
    lists: () => lists,
    set(next: object[], isAnnounced = true) {
      containers = next
      if (isAnnounced) for (const stream of streams) stream.write('{"Type":"container","Action":"start"}\n')
    },
  }
}
