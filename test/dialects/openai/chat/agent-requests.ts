import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'

export interface AgentRequest {
  readonly agent: string
  readonly request: JsonObject
  /** As a chat endpoint gets them. */
  readonly messages: readonly JsonObject[]
}

const image = 'data:image/jpeg;base64,/9j/4AAQ'
const parameters = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] }
const tools = [{ type: 'function', function: { name: 'read', description: 'Reads a file.', parameters } }]
const call = (id: string, args: unknown = '{"path":"a.ts"}') => ({
  id,
  type: 'function',
  function: { name: 'read', arguments: args },
})
const user = (content: string) => ({ role: 'user', content })

/** Shapes of conversations as clients of Chat Completions send them; the texts are invented. */
export const agentRequests: readonly AgentRequest[] = [
  {
    agent: 'opencode (AI SDK)',
    request: {
      model: 'm',
      max_tokens: 32_000,
      temperature: 0,
      top_p: 1,
      messages: [
        { role: 'system', content: 'You are a coding agent.' },
        { role: 'system', content: 'Environment: linux' },
        { role: 'user', content: 'Read a.ts' },
        { role: 'assistant', content: '', reasoning_content: 'I read it.', tool_calls: [call('call_1')] },
        { role: 'tool', tool_call_id: 'call_1', content: 'const a = 1' },
      ],
      tools,
      tool_choice: 'auto',
      stream: true,
      stream_options: { include_usage: true },
    },
    messages: [
      { role: 'system', content: 'You are a coding agent.\n\nEnvironment: linux' },
      user('Read a.ts'),
      { role: 'assistant', reasoning_content: 'I read it.', content: null, tool_calls: [call('call_1')] },
      { role: 'tool', tool_call_id: 'call_1', content: 'const a = 1' },
    ],
  },
  {
    agent: 'aider (LiteLLM), with marks for a cache',
    request: {
      model: 'm',
      temperature: 0,
      stream: true,
      messages: [
        {
          role: 'system',
          content: [{ type: 'text', text: 'Edit files.', cache_control: { type: 'ephemeral' } }],
        },
        user('I added a.ts'),
        { role: 'assistant', content: 'Ok.' },
        { role: 'user', content: [{ type: 'text', text: 'Rename a', cache_control: { type: 'ephemeral' } }] },
      ],
    },
    messages: [
      { role: 'system', content: 'Edit files.' },
      user('I added a.ts'),
      { role: 'assistant', content: 'Ok.' },
      user('Rename a'),
    ],
  },
  {
    agent: 'Open WebUI, with an image and a picture as the result of a tool',
    request: {
      stream: true,
      model: 'm',
      stream_options: { include_usage: true },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: image } },
          ],
        },
        { role: 'assistant', content: '', tool_calls: [{ index: 0, ...call('c1') }] },
        {
          role: 'tool',
          tool_call_id: 'c1',
          content: [
            { type: 'text', text: 'a photo' },
            { type: 'image_url', image_url: { url: image } },
          ],
        },
      ],
      tools,
    },
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: image } },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [call('c1')] },
      {
        role: 'tool',
        tool_call_id: 'c1',
        content: 'a photo\n\n[What is not text follows in the next message.]',
      },
      {
        role: 'user',
        content: [
          { type: 'text', text: '[From the result of tool call c1:]' },
          { type: 'image_url', image_url: { url: image } },
        ],
      },
    ],
  },
  {
    agent: 'LangChain and others that return the whole message of the SDK',
    request: {
      model: 'm',
      n: 1,
      messages: [
        user('Read two files'),
        {
          role: 'assistant',
          content: null,
          refusal: null,
          annotations: [],
          audio: null,
          function_call: null,
          tool_calls: [call('c1'), call('c2', '{"path":"b.ts"}')],
        },
        { role: 'tool', name: 'read', tool_call_id: 'c2', content: 'b' },
        { role: 'tool', name: 'read', tool_call_id: 'c1', content: 'a' },
      ],
      tools,
      parallel_tool_calls: true,
      stream: false,
    },
    messages: [
      user('Read two files'),
      { role: 'assistant', content: null, tool_calls: [call('c1'), call('c2', '{"path":"b.ts"}')] },
      { role: 'tool', tool_call_id: 'c1', content: 'a' },
      { role: 'tool', tool_call_id: 'c2', content: 'b' },
    ],
  },
  {
    agent: 'Cursor, which mixes in Anthropic’s blocks',
    request: {
      model: 'm',
      messages: [
        { role: 'system', content: 'Help.' },
        user('Read a.ts'),
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I look.' },
            { type: 'tool_use', id: 't1', name: 'read', input: { path: 'a.ts' } },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'a' }] }],
        },
      ],
      tools: [{ name: 'read', description: 'Reads a file.', input_schema: parameters }],
      tool_choice: { type: 'auto' },
      stream: true,
    },
    messages: [
      { role: 'system', content: 'Help.' },
      user('Read a.ts'),
      { role: 'assistant', content: 'I look.', tool_calls: [call('t1')] },
      { role: 'tool', tool_call_id: 't1', content: 'a' },
    ],
  },
  {
    agent: 'older clients of functions',
    request: {
      model: 'm',
      messages: [
        user('Read a.ts'),
        { role: 'assistant', content: null, function_call: { name: 'read', arguments: '{"path":"a.ts"}' } },
        { role: 'function', name: 'read', content: 'a' },
      ],
      functions: [{ name: 'read', parameters }],
      function_call: 'auto',
    },
    messages: [
      user('Read a.ts'),
      { role: 'assistant', content: null, tool_calls: [call('call_1')] },
      { role: 'tool', tool_call_id: 'call_1', content: 'a' },
    ],
  },
  {
    agent: 'an agent that the user interrupted, and that reminds itself later',
    request: {
      model: 'm',
      messages: [
        { role: 'developer', content: 'Help.' },
        user('Read a.ts'),
        { role: 'assistant', content: '', tool_calls: [call('c1', { path: 'a.ts' })] },
        { role: 'user', content: 'Stop. Read b.ts' },
        { role: 'tool', tool_call_id: 'c1', content: '', is_error: true },
        { role: 'system', content: 'Two files are open.' },
        { role: 'user', content: 'Go on.' },
      ],
      tools,
    },
    messages: [
      { role: 'system', content: 'Help.' },
      user('Read a.ts'),
      { role: 'assistant', content: null, tool_calls: [call('c1')] },
      { role: 'tool', tool_call_id: 'c1', content: 'Error: ' },
      user('Stop. Read b.ts\n\n<system-reminder>\nTwo files are open.\n</system-reminder>\n\nGo on.'),
    ],
  },
]
