import { createHash } from 'node:crypto'
import { type CompleteModel, completeModel } from './model.ts'
import type { Frame } from './pace.ts'
import { Rejection, rejectionStyles } from './rejections.ts'
import type { JsonObject } from './request.ts'
import { askedModel, type Exchange, info, modelNamed, type RouteTable, token } from './route.ts'

const native = rejectionStyles.ollama
/** Parts in which the progress of a layer is reported. */
const steps = 4

/** Ollama's routes that manage models. A model whose name begins with `missing` is in no registry. */
export const ollamaManagementRoutes: RouteTable = {
  'POST /api/pull': info(pull, native),
  'POST /api/push': info(push, native),
  'POST /api/create': info(create, native),
  'POST /api/copy': info(copy, native),
  'DELETE /api/delete': info(remove, native),
  'GET /api/blobs/*': info(blobExists, native),
  'POST /api/blobs/*': info(addBlob, native),
}

function pull(exchange: Exchange): void {
  const name = namedIn(exchange.request.json())
  if (name.startsWith('missing')) {
    report(exchange, [{ status: 'pulling manifest' }, { error: 'pull model manifest: file does not exist' }])
    return
  }
  const model = completeModel(withTag(name))
  const digest = `sha256:${model.digest}`
  const layer = layerLines(`pulling ${model.digest.slice(0, 12)}`, digest, model.sizeBytes)
  const lines = [
    { status: 'pulling manifest' },
    ...layer,
    { status: 'verifying sha256 digest' },
    { status: 'writing manifest' },
    { status: 'success' },
  ]
  report(exchange, lines, () => add(exchange, model))
}

function push(exchange: Exchange): void {
  const { digest, sizeBytes } = askedModel(exchange.state, exchange.request.json())
  report(exchange, [
    { status: 'retrieving manifest' },
    ...layerLines(`pushing ${digest.slice(0, 12)}`, `sha256:${digest}`, sizeBytes),
    { status: 'pushing manifest' },
    { status: 'success' },
  ])
}

function create(exchange: Exchange): void {
  const body = exchange.request.json()
  const name = namedIn(body)
  const { from, files } = body
  const digests = Object.values(typeof files === 'object' && files !== null ? files : {})
  if (from === undefined && digests.length === 0)
    throw new Rejection('bad_request', "neither 'from' or 'files' was specified")
  const lacks = digests.find((digest) => typeof digest !== 'string' || !exchange.state.blobs.has(digest))
  if (lacks !== undefined) throw new Rejection('bad_request', `blob ${String(lacks)} not found`)
  const base = typeof from === 'string' ? modelNamed(exchange.state, from) : completeModel(name)
  const lines = [
    { status: `using existing layer sha256:${base.digest}` },
    { status: 'writing manifest' },
    { status: 'success' },
  ]
  report(exchange, lines, () => add(exchange, { ...base, name: withTag(name) }))
}

function copy(exchange: Exchange): void {
  const { source, destination } = exchange.request.json()
  if (typeof source !== 'string' || typeof destination !== 'string' || destination === '')
    throw new Rejection('bad_request', 'source and destination are required')
  add(exchange, { ...modelNamed(exchange.state, source), name: withTag(destination) })
  exchange.answer.text('', 'text/plain; charset=utf-8')
}

function remove({ state, request, answer }: Exchange): void {
  const { name } = askedModel(state, request.json())
  state.setModels(state.models.filter((model) => model.name !== name))
  answer.text('', 'text/plain; charset=utf-8')
}

function blobExists({ state, request, answer }: Exchange): void {
  answer.text('', 'text/plain; charset=utf-8', state.blobs.has(digestIn(request.path)) ? 200 : 404)
}

function addBlob({ state, request, answer }: Exchange): void {
  const digest = digestIn(request.path)
  const actual = `sha256:${createHash('sha256').update(request.body).digest('hex')}`
  if (actual !== digest) throw new Rejection('bad_request', 'digest mismatch')
  const isNew = !state.blobs.has(digest)
  state.blobs.add(digest)
  answer.text('', 'text/plain; charset=utf-8', isNew ? 201 : 200)
}

function digestIn(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Sends the lines as a stream, or the last one as the answer. @param succeed called before the last line */
function report({ request, answer }: Exchange, lines: readonly JsonObject[], succeed = () => {}): void {
  const last = lines.at(-1) ?? {}
  if (request.json().stream === false) {
    succeed()
    answer.json(last, last.error === undefined ? 200 : 500)
    return
  }
  answer.stream(frames(), 'application/x-ndjson')

  function* frames(): Generator<Frame> {
    for (const line of lines) {
      if (line.status === 'success') succeed()
      const frame = token(`${JSON.stringify(line)}\n`)
      yield frame
    }
  }
}

function layerLines(status: string, digest: string, total: number): JsonObject[] {
  return Array.from({ length: steps }, (_, step) => {
    const completed = Math.round((total * (step + 1)) / steps)
    return { status, digest, total, completed }
  })
}

function namedIn({ model, name }: JsonObject): string {
  const named = model === undefined || model === '' ? name : model
  if (typeof named !== 'string' || named === '') throw new Rejection('bad_request', 'invalid model name')
  return named
}

function add({ state }: Exchange, model: CompleteModel): void {
  state.setModels([...state.models.filter(({ name }) => name !== model.name), model])
}

function withTag(name: string): string {
  return /:[^/]*$/.test(name) ? name : `${name}:latest`
}
