import type { FastifyInstance, FastifyRequest } from 'fastify'
import { readCodings } from '../../src/http/body/content-coding.ts'
import { readMediaType } from '../../src/http/body/media-type.ts'
import { type BodyRoom, receiveBody, receiveDecoded } from '../../src/http/body/receive-body.ts'
import { receiveDecodedUpload, receiveUpload, Upload } from '../../src/http/body/upload.ts'

/**
 * Keeps bodies as the bytes that the client sent, without their content coding, under any content type: nothing here
 * parses and reserializes them.
 * @param limitBytes maximum size of a decoded body
 */
export function acceptBytes(app: FastifyInstance, limitBytes: number): void {
  const { bufferBudget: budget } = app
  // A body that is larger than the whole budget would wait forever.
  const room: BodyRoom = { budget, limitBytes: budget.maxBodyBytes(limitBytes) }
  app.removeAllContentTypeParsers()
  // Fastify caches the parser of a type that it knows by name.
  app.addContentTypeParser(['application/json', '*'], (request, payload, parsed) => {
    const isOwn = payload === request.raw
    const { 'content-length': length, 'content-encoding': encoding } = request.headers
    if (isOwn && encoding !== undefined && length !== '0') {
      const codings = readCodings(encoding)
      if (codings.length > 0) {
        receiveDecoded(payload, codings, room, request.gateway, parsed)
        return
      }
    }
    // A hook of the host may have replaced the stream, for example by a decompressed one.
    const lengthBytes = isOwn && length !== undefined ? Number(length) : undefined
    receiveBody(payload, lengthBytes, room, request.gateway, parsed)
  })
  app.addHook('onRequest', function takeAnyType(request, _reply, next) {
    const type = request.headers['content-type']
    if (type !== undefined && type !== 'application/json' && !readMediaType(type).isValid) hideType(request)
    next()
  })
}

/** Accepts forms with files as an `Upload`, in addition to `acceptBytes`. */
export function acceptUploads(app: FastifyInstance, limitBytes: number): void {
  app.addContentTypeParser(/^multipart\/form-data/i, (request, payload, parsed) => {
    const { 'content-type': type = '', 'content-encoding': encoding } = request.headers
    const codings = readCodings(payload === request.raw ? encoding : undefined)
    const upload =
      codings.length > 0
        ? receiveDecodedUpload(payload, codings, type, limitBytes, app.bufferBudget)
        : receiveUpload(payload, type, limitBytes, app.bufferBudget)
    upload.then((received) => parsed(null, received), parsed)
  })
  // The handler disposes of it after the answer, but a hook of the host may answer instead.
  app.addHook('onSend', function dispose({ body }, _reply, payload, next) {
    if (body instanceof Upload) void body.dispose()
    next(null, payload)
  })
}

/** Fastify rejects an invalid media type, endpoints do not; the client's own value is still sent to them. */
function hideType(request: FastifyRequest): void {
  request.raw.headers['content-type'] = 'application/octet-stream'
}
