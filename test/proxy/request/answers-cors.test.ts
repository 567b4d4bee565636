import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import browserCheck from '../../../plugins/admin/browser-check.ts'
import cors from '../../../plugins/admin/cors.ts'
import requestContext from '../../../plugins/proxy/request-context.ts'
import events from '../../../plugins/runtime/events.ts'
import { answersCors } from '../../../src/proxy/request/answers-cors.ts'

const decides = (app: FastifyInstance) => answersCors((name) => app.hasPlugin(name))

describe('answersCors', () => {
  it('is false without a plugin that handles CORS', () => assert.equal(decides(Fastify()), false))

  it('is true with CORS', async () => {
    const app = Fastify()
    await app.register(cors)
    assert.equal(decides(app), true)
  })

  it('is true with the browser check, in a child scope too', async () => {
    const app = Fastify()
    await app.register(events)
    await app.register(requestContext)
    await app.register(browserCheck)
    await app.register(async (scope) => assert.equal(decides(scope), true))
    await app.ready()
    assert.equal(decides(app), true)
  })
})
