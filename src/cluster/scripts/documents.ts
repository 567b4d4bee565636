import { script, serverNow } from './script.ts'

/** How the keys of a document are removed. Without one of the keys, which a server short of memory may evict, all go. */
const common = `${serverNow}local exact = now + t[2] % 1000 / 1000
local texts, infos, order, items = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if redis.call('HLEN', texts) ~= redis.call('ZCARD', order) then redis.call('UNLINK', texts, infos, order, items) end
local function drop(id)
  local text = redis.call('HGET', infos, id)
  if not text then return false end
  local info = cjson.decode(text)
  redis.call('HINCRBY', infos, '', -info.b)
  redis.call('HDEL', infos, id)
  redis.call('HDEL', texts, id)
  redis.call('ZREM', order, id)
  for _, item in ipairs(info.i) do
    if redis.call('HGET', items, item) == id then redis.call('HDEL', items, item) end
  end
  return true
end
local function live(id)
  local untilMs = redis.call('ZSCORE', order, id)
  return untilMs and tonumber(untilMs) > now
end
local function keep(ttl)
  for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ttl) end
end
`

/**
 * Writes a document, and evicts those that were not used for the longest time if there is no room for it.
 *
 * Keys: texts, infos, order, items. Arguments: ID, text, the version that it replaces or -1 for any, TTL, maximum
 * bytes, maximum number, bytes of the overhead, then the IDs of its items.
 * Returns its version, 0 if the server has another version, or -1 if it is too large.
 */
export const documentWriteScript = script(
  'document-write',
  `${common}local id, text, after, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local maxBytes, maxNumber = tonumber(ARGV[5]), tonumber(ARGV[6])
for _, over in ipairs(redis.call('ZRANGEBYSCORE', order, '-inf', now, 'LIMIT', 0, 100)) do drop(over) end
local before = live(id) and redis.call('HGET', infos, id)
local version = before and cjson.decode(before).v or 0
if after >= 0 and after ~= version then return 0 end
local named = {}
for i = 8, #ARGV do named[#named + 1] = ARGV[i] end
local bytes = #text + tonumber(ARGV[7]) * (#named + 1)
if bytes > maxBytes then return -1 end
drop(id)
while redis.call('ZCARD', order) >= maxNumber
  or tonumber(redis.call('HGET', infos, '') or '0') + bytes > maxBytes do
  local oldest = redis.call('ZRANGE', order, 0, 0)[1]
  if not oldest or not drop(oldest) then
    redis.call('UNLINK', texts, infos, order, items)
    break
  end
end
redis.call('HSET', texts, id, text)
local list = #named > 0 and cjson.encode(named) or '[]'
redis.call('HSET', infos, id, '{"v":' .. (version + 1) .. ',"b":' .. bytes .. ',"i":' .. list .. '}')
redis.call('HINCRBY', infos, '', bytes)
redis.call('ZADD', order, exact + ttl, id)
for _, item in ipairs(named) do redis.call('HSET', items, item, id) end
keep(ttl)
return version + 1
`,
)

/**
 * Reads a document and renews it. Keys: texts, infos, order, items. Arguments: ID, 1 if it is that of an item, TTL.
 * Returns its ID, text and version, or nothing.
 */
export const documentReadScript = script(
  'document-read',
  `${common}local id = ARGV[1]
if ARGV[2] == '1' then id = redis.call('HGET', items, id) end
if not id or not live(id) then return {} end
local text, info = redis.call('HGET', texts, id), redis.call('HGET', infos, id)
if not text or not info then return {} end
redis.call('ZADD', order, exact + tonumber(ARGV[3]), id)
keep(tonumber(ARGV[3]))
return { id, text, cjson.decode(info).v }
`,
)

/**
 * Deletes a document. Keys: texts, infos, order, items. Arguments: ID, channel, message for the others.
 * Returns 1 if the server had it.
 */
export const documentDeleteScript = script(
  'document-delete',
  `${common}local had = live(ARGV[1])
drop(ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return had and 1 or 0
`,
)

/**
 * Takes a turn, unless another member has it: within a replica, turns are taken in order already.
 * Keys: alive, turn. Arguments: replica, maximum duration. Returns 1 or 0.
 */
export const turnTakeScript = script(
  'turn-take',
  `${serverNow}local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then
  local untilMs = redis.call('ZSCORE', KEYS[1], holder)
  if untilMs and tonumber(untilMs) >= now then return 0 end
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
`,
)

/** Ends a turn. Keys: turn. Arguments: replica. */
export const turnEndScript = script(
  'turn-end',
  `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`,
)
