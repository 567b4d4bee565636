import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { importGraph, sourceFiles } from '../../docs/generate/house/import-graph.ts'
import { answerForms, defaultDialect, dialects } from '../../src/dialects/all.ts'
import { formFinder } from '../../src/dialects/answers/form-finder.ts'
import { StreamWatch } from '../../src/dialects/answers/stream-ending.ts'
import { answerForm } from '../../src/dialects/contract/answer-form.ts'
import type { Dialect } from '../../src/dialects/contract/dialect.ts'
import { dialectFinder } from '../../src/dialects/requests/dialect.ts'
import { GatewayError } from '../../src/kernel/errors.ts'

const poem = answerForm({
  name: 'poem',
  owns: (path) => path.endsWith('/poems'),
  usage: { section: 'muse', standard: { completion_tokens: 'poem.words' }, furtherPaths: undefined },
  contentKeys: ['verse'],
  stream: {
    belongs: /"verse"/,
    ends: /"fin"/,
    usualEnd: undefined,
    endsWithDone: false,
    lines: undefined,
    startsText: () => false,
    contentOf: () => 'content',
    isErrorEvent: () => false,
  },
})

/** An API that does not exist. */
const muse: Dialect = {
  name: 'muse',
  paths: {
    owns: (path) => path.startsWith('/muse/'),
    shared: { header: 'muse-version', paths: /^\/v1\/models$/ },
    inference: ['poems'],
    postOnly: ['/muse/poems'],
    acceptsName: undefined,
    management: undefined,
  },
  errors: {
    types: undefined,
    body: ({ message }) => ({ lament: message }),
    event: (_framing, body) => `data: ${body}\n\n`,
    translate: () => undefined,
    status: (_form, statusCode) => statusCode,
  },
  answers: [poem],
  models: undefined,
  keepAlive: undefined,
  requestIdHeader: undefined,
  translatedPaths: [],
}

describe('a dialect added to the list', () => {
  const find = dialectFinder([muse, ...dialects], defaultDialect)
  const forms = formFinder([poem, ...answerForms], poem)

  it('is recognized by its paths and its header', () => {
    assert.equal(find('/muse/poems').name, 'muse')
    assert.equal(find('/v1/models', { 'muse-version': '1' }).name, 'muse')
    assert.equal(find('/v1/models', {}).name, 'openai')
    assert.deepEqual(find('/muse/poems').errors.body(new GatewayError('not_found'), 'id'), {
      lament: 'The gateway has no such path.',
    })
  })

  it('gets its answers read by its own form', () => {
    assert.equal(forms.answer('POST', '/muse/poems'), poem)
    assert.equal(forms.answer('POST', '/v1/chat/completions')?.name, 'chat')
    assert.ok(poem.stream !== undefined)
    const watch = new StreamWatch(poem.stream)
    watch.push(Buffer.from('data: {"verse":"O"}\n\n'))
    assert.equal(watch.end().kind, 'missing')
  })
})

describe('folder of a dialect', () => {
  const names = dialects.map(({ name }) => name)
  const folderOf = (path: string) => names.find((name) => path.startsWith(`src/dialects/${name}/`))

  /** Files that concern exactly one API, and say so. */
  const own: readonly RegExp[] = [
    // The routes of one API.
    /^routes\/dialects\//,
    // Translations between APIs.
    /^src\/dialects\/translate\//,
    // Engines that write OpenAI's list with members of their own.
    /^src\/dialects\/lists\/engine-items\.ts$/,
    // Requests usage from streams of OpenAI's API.
    /^src\/proxy\/usage\/usage-variant\.ts$/,
    /^src\/dialects\/all\.ts$/,
    // Responses that clients of one API can continue, and the host's store for them.
    /^plugins\/dialects\/response-store\.ts$/,
    /^routes\/proxy\/(?:ollama-management|proxy|responses(?:-\w+)?)\.ts$/,
    /^src\/gateway\.ts$/,
  ]

  it('is imported only by the list and by files of its API', () => {
    const imports = importGraph(['src', 'plugins', 'routes'])
    const inside = imports.filter(({ to }) => folderOf(to) !== undefined)
    assert.ok(inside.length > 30, 'the imports were read')
    const foreign = inside.filter(({ from, to }) => folderOf(from) !== folderOf(to))
    assert.deepEqual(
      foreign
        .filter(({ from }) => !own.some((pattern) => pattern.test(from)))
        .map(({ from, to }) => `${from} → ${to}`),
      [],
    )
  })

  /** Files in which the name of an API means something else, and what. */
  const otherUses: Readonly<Record<string, string>> = {
    'src/admin/clients/client-config.ts': 'a word of a client’s configuration',
    'src/config/checks/semantics.ts': 'a key of the configuration',
    'src/config/schema/callers-schema.ts': 'a value of the configuration',
    'src/config/load.ts': 'a backend type',
    'src/endpoints/discovery/discovery.ts': 'how an endpoint lists its models',
    'src/endpoints/discovery/list-parsers.ts': 'how an endpoint lists its models',
    'src/endpoints/profiles/profile-store.ts': 'how an endpoint lists its models',
    'src/endpoints/profiles/profile.ts': 'how an endpoint lists its models',
    'src/routing/models/directory.ts': 'a backend type',
    'src/dialects/lists/engine-items.ts': 'the owner of a model without one',
    'routes/dialects/models.ts': 'a backend type',
    'routes/dialects/ollama.ts': 'a backend type',
  }

  it('is the only place that compares the name of its API', () => {
    const files = sourceFiles(['src', 'plugins', 'routes']).filter((path) => {
      if (folderOf(path) !== undefined) return false
      return new RegExp(`'(?:${names.join('|')})'`).test(readFileSync(path, 'utf8'))
    })
    assert.deepEqual(
      files.filter((path) => otherUses[path] === undefined),
      [],
    )
  })
})
