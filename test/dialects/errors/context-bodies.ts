import type { ContextLimit } from '../../../src/dialects/errors/context-limit.ts'

export const json = (value: unknown) => JSON.stringify(value)
export const error = (message: string, more: object = {}) => json({ error: { message, ...more } })

/** Answers of servers to a prompt that is too long on its own, with the numbers in them. */
export const tooLong: readonly [server: string, body: string, numbers?: Partial<ContextLimit>][] = [
  [
    'vLLM',
    error(
      "This model's maximum context length is 262144 tokens. However, you requested 0 output tokens and your prompt contains at least 262145 input tokens, for a total of at least 262145 tokens.",
      { type: 'BadRequestError', param: 'input_tokens', code: 400 },
    ),
    { promptTokens: 262145, limitTokens: 262144 },
  ],
  [
    'vLLM, decoder',
    error(
      'The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens.',
    ),
    { promptTokens: 5000, limitTokens: 4096 },
  ],
  [
    'vLLM, engine',
    error('The engine prompt length 9000 exceeds the max_model_len 8192. Please reduce prompt.'),
    { promptTokens: 9000, limitTokens: 8192 },
  ],
  [
    'vLLM, old',
    error('Input prompt (5000 tokens) is too long and exceeds limit of 4096'),
    { promptTokens: 5000, limitTokens: 4096 },
  ],
  [
    'vLLM, pictures',
    error(
      'The prompt (total length 5000) is too long to fit into the model (context length 4096). Make sure that `max_model_len` is no smaller.',
    ),
    { limitTokens: 4096 },
  ],
  [
    'SGLang',
    json({
      object: 'error',
      message: "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
      type: 'BadRequestError',
      param: null,
      code: 400,
    }),
    { promptTokens: 61709, limitTokens: 40960 },
  ],
  [
    'SGLang, cache',
    json({
      object: 'error',
      message:
        'Input length (700001 tokens) exceeds the maximum allowed length (536826 tokens). Use a shorter input or enable --allow-auto-truncate.',
      code: 400,
    }),
    { promptTokens: 700001, limitTokens: 536826 },
  ],
  [
    'llama.cpp',
    error('request (19185 tokens) exceeds the available context size (16384 tokens), try increasing it', {
      code: 400,
      type: 'exceed_context_size_error',
      n_prompt_tokens: 19185,
      n_ctx: 16384,
    }),
    { promptTokens: 19185, limitTokens: 16384 },
  ],
  [
    'llama.cpp, numbers in fields only',
    error('the request exceeds the available context size', { n_prompt_tokens: 19185, n_ctx: 16384 }),
    { promptTokens: 19185, limitTokens: 16384 },
  ],
  [
    'llama.cpp, old',
    error(
      'the request exceeds the available context size. try increasing the context size or enable context shift',
    ),
  ],
  [
    'llama.cpp, batch',
    error(
      'input (5000 tokens) is too large to process. increase the physical batch size (current batch size: 512)',
      { code: 500, type: 'server_error' },
    ),
    { promptTokens: 5000, limitTokens: 512 },
  ],
  [
    'llama-cpp-python',
    error('Requested tokens (5000) exceed context window of 4096'),
    { promptTokens: 5000, limitTokens: 4096 },
  ],
  [
    'LM Studio',
    json({
      error:
        'Trying to keep the first 4113 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input',
    }),
    { promptTokens: 4113, limitTokens: 4096 },
  ],
  [
    'LM Studio, without numbers',
    error(
      'The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input',
    ),
  ],
  [
    'LM Studio, n_keep',
    error(
      'The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 5000>= n_ctx: 4096)',
    ),
    { promptTokens: 5000, limitTokens: 4096 },
  ],
  [
    'LM Studio, truncation',
    json({ error: 'Cannot truncate prompt with n_keep (5000) >= n_ctx (4096)' }),
    { promptTokens: 5000, limitTokens: 4096 },
  ],
  [
    'LM Studio, reached',
    json({
      error:
        'Reached context length of 4096 tokens with model (arch: llama), but this model does not currently support mid-generation context overflow.',
    }),
    { limitTokens: 4096 },
  ],
  [
    'Ollama',
    error('the input length exceeds the context length', { type: 'invalid_request_error', code: null }),
  ],
  ['Ollama, cloud', json({ error: 'prompt too long; exceeded max context length by 21 tokens' })],
  [
    'Ollama, in an envelope of Anthropic',
    json({
      type: 'error',
      error: {
        type: 'invalid_request_error',
        message: error(
          'request (13542 tokens) exceeds the available context size (4096 tokens), try increasing it',
          {
            code: 400,
          },
        ),
      },
    }),
    { promptTokens: 13542, limitTokens: 4096 },
  ],
  [
    'LiteLLM, unknown wording',
    error(
      'litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: Hosted_vllmException - input too big',
    ),
  ],
  [
    'LiteLLM, wrapping SGLang',
    error(
      'litellm.BadRequestError: OpenAIException - {"object":"error","message":"The input (61709 tokens) is longer than the model\'s context length (40960 tokens).","code":400}. Received Model Group=m Available Model Group Fallbacks=None',
    ),
    { promptTokens: 61709, limitTokens: 40960 },
  ],
  [
    'TGI',
    json({
      error:
        'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100 `max_new_tokens`',
      error_type: 'validation',
    }),
    { promptTokens: 5000, maxTokens: 100, limitTokens: 4096 },
  ],
  [
    'TGI, inputs',
    json({ error: 'Input validation error: `inputs` must have less than 1024 tokens. Given: 2000' }),
    { promptTokens: 2000, limitTokens: 1024 },
  ],
  [
    'TabbyAPI',
    json({ detail: 'Prompt length 5000 is greater than max_seq_len 4096' }),
    { promptTokens: 5000, limitTokens: 4096 },
  ],
  [
    'TensorRT-LLM',
    error('Prompt length (9000) exceeds maximum input length (8192). Set log level to info and check logs.'),
    { promptTokens: 9000, limitTokens: 8192 },
  ],
  [
    'TensorRT-LLM, sum',
    error('The sum of prompt length (5000), query length (0) should not exceed max_num_tokens (4096)'),
    { promptTokens: 5000, limitTokens: 4096 },
  ],
  [
    'MLC',
    error('Request prompt has 5000 tokens in total, larger than the model input length limit 4096.'),
    { promptTokens: 5000, limitTokens: 4096 },
  ],
  [
    'LMDeploy',
    json({
      object: 'error',
      message: 'internal error happened, status code ResponseType.INPUT_LENGTH_ERROR',
    }),
  ],
  [
    'OpenAI',
    error('Your input exceeds the context window of this model. Please adjust your input and try again.', {
      code: 'context_length_exceeded',
    }),
  ],
  [
    'OpenAI, older',
    error(
      "This model's maximum context length is 16385 tokens. However, your messages resulted in 29429 tokens (28993 in the messages, 436 in the functions). Please reduce the length of the messages or functions.",
      { code: 'context_length_exceeded' },
    ),
    { promptTokens: 29429, limitTokens: 16385 },
  ],
  [
    'OpenAI, characters',
    error(
      "Invalid 'messages[1].content': string too long. Expected a string with maximum length 1048576, but got a string with length 2351142 instead.",
      { code: 'string_above_max_length' },
    ),
  ],
  [
    'Azure',
    error(
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 8545 tokens. Please reduce the length of the messages.",
    ),
    { promptTokens: 8545, limitTokens: 8192 },
  ],
  [
    'Anthropic',
    json({
      type: 'error',
      error: { type: 'invalid_request_error', message: 'prompt is too long: 213462 tokens > 200000 maximum' },
    }),
    { promptTokens: 213462, limitTokens: 200000 },
  ],
  [
    'parentheses',
    error("Input length (265330) exceeds model's maximum context length (262144)."),
    { promptTokens: 265330, limitTokens: 262144 },
  ],
  [
    'OpenRouter',
    error(
      "This endpoint's maximum context length is 1048576 tokens. However, you requested about 1293741 tokens (1227853 of text input, 353 of tool input, 65535 in the output).",
    ),
    { promptTokens: 1228206, maxTokens: 65535, limitTokens: 1048576 },
  ],
  [
    'Poolside',
    error('Input length 300000 exceeds the maximum allowed input length of 262144 tokens.'),
    { promptTokens: 300000, limitTokens: 262144 },
  ],
  [
    'Gemini',
    error('The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).'),
    { promptTokens: 1196265, limitTokens: 1048575 },
  ],
  [
    'Vertex',
    error(
      'Unable to submit request because the input token count is 1200000 but model only supports up to 1048576. Reduce the input token count and try again.',
    ),
    { promptTokens: 1200000, limitTokens: 1048576 },
  ],
  ['Bedrock', json({ message: 'Input is too long for requested model.' })],
  [
    'Bedrock, Titan',
    json({ message: 'Too many input tokens. Max input tokens: 8192, request input token count: 9000' }),
    { promptTokens: 9000, limitTokens: 8192 },
  ],
  [
    'Cohere',
    json({
      message: 'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.',
    }),
    { promptTokens: 5000, limitTokens: 4081 },
  ],
  [
    'Mistral',
    json({
      message:
        'Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 maximum context length',
    }),
    { promptTokens: 140000, limitTokens: 131072 },
  ],
  [
    'xAI',
    error("This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
    { promptTokens: 537812, limitTokens: 131072 },
  ],
  [
    'Groq',
    error('Please reduce the length of the messages or completion.', { code: 'context_length_exceeded' }),
  ],
  [
    'Cerebras',
    error(
      'Please reduce the length of the messages or completion. Current length is 10000 while limit is 8192',
    ),
    { promptTokens: 10000, limitTokens: 8192 },
  ],
  [
    'GitHub Copilot',
    error('prompt token count of 130000 exceeds the limit of 128000'),
    { promptTokens: 130000, limitTokens: 128000 },
  ],
  ['MiniMax', error('invalid params, context window exceeds limit')],
  [
    'Kimi',
    error('Your request exceeded model token limit: 262144 (requested: 300000)'),
    { limitTokens: 262144 },
  ],
  [
    'thousands with commas',
    error('Prompt has 70,000 tokens, but the configured context size is 65,536 tokens'),
    { promptTokens: 70000, limitTokens: 65536 },
  ],
  [
    'Fireworks',
    error('The prompt is too long: 160000, model maximum context length: 131071'),
    { promptTokens: 160000, limitTokens: 131071 },
  ],
  [
    'numbers separate from the text',
    error('Prompt tokens exceed max context: 40000 > 32768'),
    { promptTokens: 40000, limitTokens: 32768 },
  ],
  [
    'numbers in brackets',
    error('Prompt too large for context size (9000 > 8192 tokens)'),
    { promptTokens: 9000, limitTokens: 8192 },
  ],
  [
    'numbers as a fraction',
    error('Conversation too long for model context: 33000/32768'),
    { promptTokens: 33000, limitTokens: 32768 },
  ],
  [
    'transformers',
    error("Input length (40000) exceeds model's maximum length (32768)"),
    { promptTokens: 40000, limitTokens: 32768 },
  ],
  [
    'a total',
    error('Total number of tokens 9000 exceeds maximum 8192'),
    { promptTokens: 9000, limitTokens: 8192 },
  ],
  ['no numbers', error('The length of input exceeds the max length')],
  ['IDs', error('input_ids length 9000 exceeds max context 8192'), { promptTokens: 9000, limitTokens: 8192 }],
  ['DashScope', error('Range of input length should be [1, 129024]')],
  ['Z.ai', error('tokens in request more than max tokens allowed')],
  ['plain text', 'the request exceeds the available context size'],
  [
    'FastAPI list',
    json({ detail: [{ loc: ['body'], msg: 'Prompt length 5000 is greater than max_seq_len 4096' }] }),
  ],
]
