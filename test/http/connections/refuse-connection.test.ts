import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { refuseConnection } from '../../../src/http/connections/refuse-connection.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/simulator.ts'
import { exchange, listen, servers } from '../server/support.ts'

const refusal = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbad'
const good = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

for (const [what, create] of servers) {
  describe(`bytes that ${what} cannot read`, () => {
    const cases: readonly (readonly [string, string, readonly number[], string])[] = [
      ['alone', 'nonsense\r\n\r\n', [400], ''],
      ['behind a request', `${good('/a')}nonsense\r\n\r\n`, [200, 400], '/a'],
      ['behind two requests', `${good('/a')}${good('/b')}nonsense\r\n\r\n`, [200, 200, 400], '/a/b'],
      [
        'in a body',
        'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n',
        [400],
        '/a',
      ],
    ]
    for (const [where, text, statuses, served] of cases) {
      it(`are refused ${where}, and earlier requests are answered`, async (t) => {
        const waiting: ServerResponse[] = []
        let seen = ''
        const server = create((request, response) => {
          seen += request.url
          waiting.push(response)
        })
        let errors = 0
        server.on('clientError', (_error, socket: Socket) => {
          errors++
          refuseConnection(socket, refusal, new FakeClock(), () => true)
        })
        const port = await listen(t, server)
        const answer = exchange(port, (socket) => socket.write(text))
        await eventually(() => errors > 0)
        // Some time after the error was found.
        for (const response of waiting) if (response.req.complete) response.end('ok')
        const received = [...(await answer).matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) =>
          Number(status),
        )
        assert.deepEqual(received, statuses)
        assert.equal(seen, served)
      })
    }
  })
}
