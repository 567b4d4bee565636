import type { Server } from 'node:http'
import type { FastifyHttpOptions } from 'fastify'
import { httpServerOptions, ollaHttpServer } from '../../src/http-server.ts'
import { parseConfig } from '../../src/index.ts'

/** The HTTP servers that an app with an embedded gateway can run on. */
export const hostServers: ReadonlyArray<
  readonly [name: string, options: () => Pick<FastifyHttpOptions<Server>, 'serverFactory'>]
> = [
  ["Node's server", () => ({})],
  ['olla-gateway/http-server', () => ({ serverFactory: ollaHttpServer(httpServerOptions(parseConfig({}))) })],
]
