/** The numbers in a message about a full context, by what they count. */
export interface ContextNumbers {
  promptTokens?: number
  /** True if the endpoint stopped counting: the prompt has at least that many tokens. */
  isLowerBound?: boolean
  maxTokens?: number
  limitTokens?: number
  /** Prompt and completion together. */
  totalTokens?: number
  /** By how much the limit was exceeded. */
  excessTokens?: number
}

type Role = Exclude<keyof ContextNumbers, 'isLowerBound'> | 'promptPart'

/** Maximum number of words between a number and the word that says what it counts. */
const wordsBefore = 8
const wordsAfter = 6

/** The neighboring words decide. The first matching row wins. */
const roles: readonly { readonly role: Role; readonly before?: RegExp; readonly after?: RegExp }[] = [
  { role: 'promptTokens', before: /\bn_(?:keep|prompt_tokens)$/ },
  { role: 'excessTokens', before: /\bby$/ },
  { role: 'totalTokens', before: /\btotal(?: of| is)?(?: about| at least)?$/ },
  {
    role: 'limitTokens',
    before: /\b(?:limit|max|maximum|most|only|up) (?:of|is|to)(?: only)?$|<=$|\bat most$/,
  },
  {
    role: 'promptPart',
    after:
      /^(?:tokens )?(?:from|in|of) (?:the |your )?(?:text |tool )?(?:input|messages|prompt|functions|tools)\b/,
  },
  { role: 'promptTokens', after: /^(?:inputs?|prompt) tokens?\b/ },
  { role: 'maxTokens', after: /^(?:tokens )?(?:for|in|of) (?:the )?(?:completion|output|response)\b/ },
  { role: 'maxTokens', after: /^(?:output|completion|new) tokens?\b|^max_new_tokens\b/ },
  {
    role: 'maxTokens',
    before: /\bmax_(?:completion_|new_|output_)?tokens\b(?: parameter| value| is| of| too| large){0,4}$/,
  },
  {
    role: 'limitTokens',
    before:
      /\b(?:max|maximum)\b(?! tokens)|\b(?:max_(?:model_len|seq_len|num_tokens|position_embeddings|input)\w*|n_ctx\w*|session_len)\b/,
  },
  {
    role: 'limitTokens',
    before: /\bcontext (?:length|size|window|limit)\b|\b(?:limit|batch size|up to)(?: is| of| to)?$/,
  },
  {
    role: 'limitTokens',
    before: /(?:\b(?:longer|greater|larger|more|less) than(?: or equal to)?|\bexceed(?:s|ed)?|>=?)(?: the)?$/,
  },
  { role: 'limitTokens', after: /^(?:tokens? )?(?:maximum|max|limit)\b/ },
  { role: 'totalTokens', before: /\brequested(?: about| at least)?$/ },
  {
    role: 'promptTokens',
    before:
      /\b(?:prompt|inputs?|request|messages|conversation|tokens?|contains?|has|count|length|given|received|resulted in|keep the first|splited_prompt_len|(?:prompt|input)_(?:tokens|length|len))\b(?: is| of| only| has| too| long| about| at least){0,4}$/,
  },
  { role: 'promptTokens', after: /^(?:[a-z]+ ){0,2}>=?$/ },
]

/** Reads the numbers of a message that is known to be about a full context. */
export function contextNumbers(text: string): ContextNumbers {
  const sum = /(\d{1,9}) ?\+ ?(\d{1,9}) ?> ?(\d{1,9})/.exec(text)
  if (sum !== null) {
    return { promptTokens: Number(sum[1]), maxTokens: Number(sum[2]), limitTokens: Number(sum[3]) }
  }
  const words = wordsOf(text)
  const found: ContextNumbers = comparedIn(text)
  let parts = 0
  words.forEach((word, at) => {
    if (typeof word !== 'number') return
    const before = neighbors(words.slice(Math.max(0, at - wordsBefore), at), true)
    const after = neighbors(words.slice(at + 1, at + 1 + wordsAfter), false)
    const role = roles.find(
      (row) => (row.before?.test(before) ?? true) && (row.after?.test(after) ?? true),
    )?.role
    if (role === undefined) return
    if (role === 'promptPart') parts += word
    else if (word > 0 && found[role] === undefined) {
      found[role] = word
      if (role === 'promptTokens' && before.endsWith('at least')) found.isLowerBound = true
    }
  })
  if (found.promptTokens === undefined && parts > 0) found.promptTokens = parts
  return found
}

/** Two numbers, the first of which is too large: prompt and limit. */
function comparedIn(text: string): ContextNumbers {
  const [, left, right] =
    /(?<!max_\w{0,20}tokens\W{0,3})\b(\d{1,9})(?: tokens?)? ?[>/] ?(\d{1,9})\b/.exec(text) ?? []
  const promptTokens = Number(left)
  const limitTokens = Number(right)
  return promptTokens > limitTokens ? { promptTokens, limitTokens } : {}
}

/** The words between the number and the next number or the end of the sentence. */
function neighbors(words: readonly (string | number)[], isBefore: boolean): string {
  const isBoundary = (word: string | number) => typeof word === 'number' || word === '.'
  const texts = words.filter((word) => typeof word === 'string')
  const at = isBefore ? words.findLastIndex(isBoundary) : words.findIndex(isBoundary)
  if (at < 0) return texts.join(' ')
  const near = isBefore ? words.slice(at + 1) : words.slice(0, at)
  return near.join(' ')
}

const wordPattern = /(\d{1,3}(?:,\d{3}){1,3}(?!\d)|\d{1,12})(?:\.0)?|[a-z_]{1,40}|[<>]=?|\.(?=\s|$)/g

/** Lower-case words, numbers, comparison operators and sentence ends; everything else separates them. */
function wordsOf(text: string): (string | number)[] {
  const words: (string | number)[] = []
  for (const [word, digits] of text.replace(/['’]/g, '').matchAll(wordPattern)) {
    words.push(digits === undefined ? word : Number(digits.replaceAll(',', '')))
  }
  return words
}
