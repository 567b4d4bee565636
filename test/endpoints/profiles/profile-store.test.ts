import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ProfileError, ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'olla-profiles-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  return path
}

describe('ProfileStore', () => {
  it('has the built-in profiles, each with paths and a probe', () => {
    const store = new ProfileStore({ builtIn: profilesFolder })
    assert.deepEqual(
      store.names(),
      [
        'docker-model-runner',
        'litellm',
        'llamacpp',
        'lm-studio',
        'lmdeploy',
        'lemonade',
        'ollama',
        'omlx',
        'openai-compatible',
        'sglang',
        'tensorrt-llm',
        'tgi',
        'vllm',
        'vllm-mlx',
      ].sort(),
    )
    for (const profile of store.all()) {
      assert.ok(profile.prefixes.length > 0, profile.name)
      assert.ok(profile.detection.probes.length > 0, profile.name)
      assert.ok(profile.paths.length > 0, profile.name)
    }
  })

  it('maps prefixes and common spellings', () => {
    const store = new ProfileStore({ builtIn: profilesFolder })
    const same: [string, string][] = [
      ['lmstudio', 'lm-studio'],
      ['lm-studio', 'lm-studio'],
      ['lm_studio', 'lm-studio'],
      ['dmr', 'docker-model-runner'],
      ['openai', 'openai-compatible'],
      ['llama.cpp', 'llamacpp'],
      ['VLLM', 'vllm'],
    ]
    for (const [asked, name] of same) assert.equal(store.get(asked)?.name, name, asked)
    assert.equal(store.get('nothing'), undefined)
  })

  it('never probes LiteLLM on a route that costs money', () => {
    const store = new ProfileStore({ builtIn: profilesFolder })
    assert.equal(store.get('litellm')?.healthCheckPath, '/health/readiness')
  })

  it('builds a profile on first use', () => {
    const store = new ProfileStore({ builtIn: profilesFolder })
    assert.equal(store.loaded, 0)
    store.get('vllm')
    store.get('vllm')
    assert.equal(store.loaded, 1)
  })

  it('accepts a user’s own profiles, new ones and replacements', async () => {
    const own = await folder({
      'mine.yaml': 'name: mine\nrouting: { prefixes: [mine] }\napi: { openai_compatible: true }\n',
      'vllm.yaml': 'name: vllm\nrouting: { prefixes: [vllm] }\napi: { health_check_path: /ping }\n',
    })
    const store = new ProfileStore({ builtIn: profilesFolder, own })
    assert.equal(store.get('mine')?.modelDiscoveryPath, '/v1/models')
    assert.equal(store.get('vllm')?.healthCheckPath, '/ping')
  })

  it('filters by name', () => {
    const store = new ProfileStore({
      builtIn: profilesFolder,
      filter: { include: ['*llm*'], exclude: ['lite*'] },
    })
    assert.deepEqual(store.names(), ['tensorrt-llm', 'vllm', 'vllm-mlx'])
    assert.equal(store.get('ollama'), undefined)
  })

  it('names the file and position of a broken profile', async () => {
    const broken = await folder({ 'x.yaml': 'name: x\nrouting: [\n' })
    assert.throws(() => new ProfileStore({ builtIn: profilesFolder, own: broken }), /x\.yaml:\d+:\d+ /)
    const wrong = await folder({ 'y.yaml': 'name: y\napi: { paths: 7 }\n' })
    assert.throws(() => new ProfileStore({ builtIn: profilesFolder, own: wrong }), ProfileError)
    const clash = await folder({ 'z.yaml': 'name: z\nrouting: { prefixes: [ollama] }\n' })
    assert.throws(
      () => new ProfileStore({ builtIn: profilesFolder, own: clash }),
      /prefix "ollama" belongs to/,
    )
  })
})

describe('profiles in Olla’s folder', () => {
  async function local(files: Readonly<Record<string, string>>): Promise<ProfileStore> {
    const folder = await mkdtemp(join(tmpdir(), 'olla-local-profiles-'))
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    return new ProfileStore({ builtIn: profilesFolder, local: folder })
  }

  it('overlay the built-in ones key by key, and add to them', async () => {
    const builtIn = new ProfileStore({ builtIn: profilesFolder }).get('ollama')
    const store = await local({
      'mine.yaml': 'name: mine\nrouting: { prefixes: [mine] }\napi: { openai_compatible: true }\n',
      'ollama.yaml': 'name: ollama\ndisplay_name: Mine\napi: { health_check_path: /alive }\n',
    })
    assert.deepEqual(store.warnings, [])
    assert.ok(store.types().includes('mine'))
    const changed = store.get('ollama')
    assert.deepEqual([changed?.displayName, changed?.healthCheckPath], ['Mine', '/alive'])
    assert.deepEqual(changed?.detection, builtIn?.detection)
    assert.deepEqual(changed?.prefixes, builtIn?.prefixes)
  })

  it('are skipped with a warning if they are broken', async () => {
    const store = await local({
      'a.yaml': 'name: [\n',
      'b.yaml': 'display_name: without a name\n',
      'c.yaml': 'name: c\nrequest: { response_format: nobodys }\n',
      'd.yaml': 'name: d\nrouting: { prefixes: [ollama, own] }\n',
      'not-a-profile.txt': '[',
    })
    assert.equal(store.warnings.length, 4)
    assert.match(store.warnings[0] ?? '', /a\.yaml:\d+:\d+ /)
    assert.match(
      store.warnings[3] ?? '',
      /d\.yaml: the prefix "ollama" belongs to the profile "ollama" already/,
    )
    assert.equal(store.get('own')?.name, 'd')
    assert.equal(store.get('c'), undefined)
  })

  it('may be missing', () => {
    const store = new ProfileStore({ builtIn: profilesFolder, local: '/nowhere/profiles' })
    assert.deepEqual(store.warnings, [])
  })
})
