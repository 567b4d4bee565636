import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GatewayError } from '../../src/errors.ts'
import { refuseThread } from '../../src/translate/message-threads.ts'

const refuse = (request: object) => refuseThread(Buffer.from(JSON.stringify(request)))

describe('refuseThread', () => {
  it('refuses a conversation that a server shall keep, in the words that clients know', () => {
    for (const thread of [{ type: 'create' }, { type: 'continue', previous_message_id: 'msg_1' }]) {
      assert.throws(
        () => refuse({ model: 'm', thread }),
        (error) =>
          error instanceof GatewayError &&
          error.statusCode === 400 &&
          error.details?.error_code === 'thread_unsupported_request',
      )
    }
  })

  it('lets all others pass', () => {
    refuse({ model: 'm' })
    refuse({ model: 'm', thread: null })
    refuse({ model: 'm', messages: [{ role: 'user', content: 'the "thread" of it', thread: 1 }] })
    refuseThread(Buffer.from('{"thread":'))
  })
})
