import { Rejection } from './rejections.ts'
import { askedModel, type Exchange, inference, modelNamed, type RouteTable } from './route.ts'

/** A transparent PNG of one pixel. */
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='

/** Routes below `/v1` of servers that also support audio and images. */
export const mediaRoutes: RouteTable = {
  'POST /audio/transcriptions': inference(transcribe),
  'POST /images/generations': inference(paint),
}

/** Reports what was received, so that a client can check that an upload arrived whole. */
function transcribe({ state, request, answer }: Exchange): void {
  const contentType = request.header('content-type') ?? ''
  if (!/^multipart\/form-data\b.*\bboundary=/i.test(contentType)) {
    throw new Rejection('bad_request', 'the request is not multipart/form-data')
  }
  const model = /name="model"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n/.exec(request.body.toString('latin1'))
  if (model === null) throw new Rejection('bad_request', 'model is required')
  modelNamed(state, model[1] ?? '')
  const bytes = request.body.length
  const text = `[${state.name}] heard ${bytes} bytes`
  answer.generated(0, () => ({ text, bytes, sha256: request.bodySha256 }))
}

function paint({ state, request, answer }: Exchange): void {
  const body = request.json()
  askedModel(state, body)
  const count = typeof body.n === 'number' && body.n >= 1 && body.n <= 10 ? Math.trunc(body.n) : 1
  answer.generated(0, () => ({
    created: 1_700_000_000,
    data: Array.from({ length: count }, () => ({ b64_json: pixel, revised_prompt: `[${state.name}]` })),
  }))
}

/** `/echo/*` of every kind: any method; reports the received bytes. */
export const echoRoutes: RouteTable = {
  '* /echo/*': inference(({ state, request, answer }) => {
    answer.json({
      name: state.name,
      method: request.method,
      url: request.url,
      rawHeaders: request.rawHeaders,
      bytes: request.body.length,
      sha256: request.bodySha256,
      body: request.body.toString('base64'),
    })
  }),
}
