import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { speaksOtherProtocol } from '../../../src/http/connections/request-protocol.ts'

/** A socket whose parser is reading this packet; as Node's does, it gives a copy. */
function reading(packet: Buffer): Socket {
  return Object.assign(new Socket(), { parser: { getCurrentBuffer: () => packet } })
}

describe('speaksOtherProtocol', () => {
  it('finds requests of RTSP and ICE, even after empty lines', () => {
    for (const line of ['GET /v1/models RTSP/1.0', '\r\n\r\nGET / RTSP/1.0', 'SOURCE / ICE/1.0'])
      assert.equal(speaksOtherProtocol(reading(Buffer.from(`${line}\r\n\r\n`))), true, line)
    assert.equal(speaksOtherProtocol(reading(Buffer.from('GET / HTTP/1.1\r\nX: RTSP/1.0\r\n\r\n'))), false)
  })

  it('frees the copy of a large packet, which a collection alone would free', () => {
    const packet = Buffer.from(new ArrayBuffer(65_536))
    packet.write('POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.equal(speaksOtherProtocol(reading(packet)), false)
    assert.equal(packet.length, 0)
  })
})
