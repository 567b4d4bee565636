import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Feature } from '../../../../src/dialects/hub/contract/features.ts'
import { readChat, turnsOf } from '../support.ts'

const png = 'iVBORw0KGgo='
const pngPart = { kind: 'image', source: { kind: 'data', data: png, mediaType: 'image/png' } }
const text = (content: string) => ({ kind: 'text', text: content })

describe('reading media of a chat', () => {
  const rows: readonly (readonly [
    name: string,
    part: object,
    expected: object | undefined,
    uses: Feature[],
  ])[] = [
    [
      'image URL',
      { type: 'image_url', image_url: { url: 'https://x/y.png', detail: 'low' } },
      { kind: 'image', source: { kind: 'url', url: 'https://x/y.png' }, detail: 'low' },
      ['image_detail', 'image_url'],
    ],
    [
      'image URL as a string',
      { type: 'image_url', image_url: 'https://x/y.png' },
      { kind: 'image', source: { kind: 'url', url: 'https://x/y.png' } },
      ['image_url'],
    ],
    [
      'image data',
      { type: 'image_url', image_url: { url: `data:image/png;base64,${png}`, detail: 'auto' } },
      pngPart,
      ['image_data'],
    ],
    [
      'image data without a type',
      { type: 'image_url', image_url: { url: `data:;base64,${png}` } },
      pngPart,
      ['image_data'],
    ],
    ['bare base64', { type: 'image_url', image_url: { url: png } }, pngPart, ['image_data']],
    [
      'input_image',
      { type: 'input_image', image_url: `data:image/png;base64,${png}` },
      pngPart,
      ['image_data'],
    ],
    [
      'image with a source',
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
      pngPart,
      ['image_data'],
    ],
    [
      'image file',
      { type: 'input_image', file_id: 'file-1' },
      { kind: 'image', source: { kind: 'file', id: 'file-1' } },
      ['file_id'],
    ],
    [
      'data that is not base64',
      { type: 'image_url', image_url: { url: 'data:image/svg+xml,%3Csvg/%3E' } },
      {
        kind: 'image',
        source: { kind: 'data', data: Buffer.from('<svg/>').toString('base64'), mediaType: 'image/svg+xml' },
      },
      ['image_data'],
    ],
    [
      'audio',
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      { kind: 'audio', data: 'AAAA', format: 'mp3' },
      ['audio_input'],
    ],
    [
      'audio_url',
      { type: 'audio_url', audio_url: { url: 'data:audio/mpeg;base64,AAAA' } },
      { kind: 'audio', data: 'AAAA', format: 'mp3' },
      ['audio_input'],
    ],
    ['video', { type: 'video_url', video_url: { url: 'https://x/y.mp4' } }, undefined, ['video_input']],
    [
      'file data',
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
      {
        kind: 'document',
        source: { kind: 'data', data: 'JVBE', mediaType: 'application/pdf' },
        name: 'a.pdf',
      },
      ['document_data'],
    ],
    [
      'bare file data',
      { type: 'file', file: { filename: 'a.md', file_data: 'IyBh' } },
      { kind: 'document', source: { kind: 'data', data: 'IyBh', mediaType: 'text/plain' }, name: 'a.md' },
      ['document_data'],
    ],
    [
      'file ID',
      { type: 'file', file: { file_id: 'file-1' } },
      { kind: 'document', source: { kind: 'file', id: 'file-1' }, name: undefined },
      ['file_id'],
    ],
    [
      'file URL',
      { type: 'input_file', file_url: 'https://x/y.pdf' },
      { kind: 'document', source: { kind: 'url', url: 'https://x/y.pdf' }, name: undefined },
      ['document_url'],
    ],
    [
      'an image as a file',
      { type: 'file', file: { file_data: `data:image/png;base64,${png}` } },
      pngPart,
      ['image_data'],
    ],
    [
      'a mark for a cache',
      { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
      text('a'),
      ['cache_control'],
    ],
  ]
  for (const [name, part, expected, uses] of rows) {
    it(name, () => {
      const message = { role: 'user', content: [{ type: 'text', text: 'see' }, part] }
      assert.deepEqual(turnsOf(message), [
        {
          role: 'user',
          parts: [text('see'), ...(expected === undefined ? [] : [expected])],
          name: undefined,
        },
      ])
      assert.deepEqual([...readChat({ messages: [message] }).uses].sort(), [...uses].sort())
    })
  }
})
