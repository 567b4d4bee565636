import { keyTtlMs, stateTtlMs } from './keys.ts'
import { script, serverNow } from './script.ts'

/**
 * Decides about many requests at once: each reserves all of its amounts and slots, or nothing.
 *
 * A call that is repeated returns what it returned before; one that arrives after a later one changes nothing. The
 * answers of calls that the replica is unsure of are kept until it has read them.
 *
 * Keys: alive, slots, calls of the replica, then a hash for each limit, of amounts by bucket. Arguments: replica, and
 * JSON with
 * - `number`: of the call
 * - `unsure`: numbers of earlier calls that the replica has no answer to
 * - `own`: slots that the replica holds, by name, absolute
 * - `settled`: index of a key, bucket, difference
 * - `late`: index of a key, length of a bucket, bucket of a calendar, TTL, amount to add whatever the limit
 * - `requests`: `s`, slots as name and limit, and `a`, amounts as index of a key, length of a bucket, span, bucket of a
 *   calendar, TTL, limit, amount, and what the replica knows to be used
 *
 * Returns `lost` to a replica that is no member, `late` to a call that is not the latest, or `ok`, the answer, and those
 * to unsure calls, empty for one that has not run and will not. An answer is JSON with `[1,bucket,total,…]`, `[2,index of
 * the amount,total,wait]` or `[3,index of the slot]` for each request.
 */
export const limitsScript = script(
  'limits',
  `${serverNow}local me = ARGV[1]
local batch = cjson.decode(ARGV[2])
local calls, number = KEYS[3], tostring(batch.number)
local mine = redis.call('ZSCORE', KEYS[1], me)
if not mine or tonumber(mine) < now then return { 'lost' } end
local out, unsure = { 'ok', '' }, {}
for i, n in ipairs(batch.unsure) do
  unsure[tostring(n)] = true
  out[i + 2] = redis.call('HGET', calls, tostring(n)) or ''
end
local latest = redis.call('HGET', calls, 'limits')
if latest and tonumber(latest) >= batch.number then
  out[2] = redis.call('HGET', calls, number)
  if out[2] then return out end
  return { 'late' }
end
local function whole(n) return string.format('%.0f', n) end
local function add(key, bucket, amount, ttl, oldest)
  local sum = redis.call('HINCRBY', key, whole(bucket), whole(amount))
  if sum == amount then
    for _, field in ipairs(redis.call('HKEYS', key)) do
      if tonumber(field) < oldest then redis.call('HDEL', key, field) end
    end
    redis.call('PEXPIRE', key, whole(ttl))
  end
end
local function bucketOf(bucketMs, bucket)
  if bucketMs > 0 then return math.floor(now / bucketMs) end
  return bucket
end
for _, s in ipairs(batch.settled) do
  local key, field = KEYS[s[1] + 4], whole(s[2])
  local held = redis.call('HGET', key, field)
  if held then redis.call('HSET', key, field, whole(math.max(0, tonumber(held) + s[3]))) end
end
for _, l in ipairs(batch.late) do
  local bucket = bucketOf(l[2], l[3])
  add(KEYS[l[1] + 4], bucket, l[5], l[4], bucket - 30)
end
local members = redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')
local own, others = batch.own, {}
local function othersOf(name)
  if others[name] then return others[name] end
  local sum = 0
  for _, id in ipairs(members) do
    if id ~= me then sum = sum + tonumber(redis.call('HGET', KEYS[2], name .. '\\n' .. id) or '0') end
  end
  others[name] = sum
  return sum
end
local answers = {}
for _, r in ipairs(batch.requests) do
  local verdict
  for i, s in ipairs(r.s) do
    if othersOf(s[1]) + (own[s[1]] or 0) + 1 > s[2] then
      verdict = '[3,' .. (i - 1) .. ']'
      break
    end
  end
  local buckets, totals = {}, {}
  if not verdict then
    for i, a in ipairs(r.a) do
      local key, bucketMs, span, limit, amount, known = KEYS[a[1] + 4], a[2], a[3], a[6], a[7], a[8]
      local bucket = bucketOf(bucketMs, a[4])
      local fields = {}
      for b = bucket - span, bucket do fields[#fields + 1] = whole(b) end
      local rows = redis.call('HMGET', key, unpack(fields))
      local sum = 0
      for j = 1, #rows do
        rows[j] = tonumber(rows[j] or '0')
        sum = sum + rows[j]
      end
      if math.max(sum, known) + amount > limit then
        local wait = 0
        if amount > limit then
          wait = -1
        elseif bucketMs > 0 then
          local rest = sum
          for j = 1, #rows do
            rest = rest - rows[j]
            if rest + amount <= limit then
              wait = (bucket - span + j - 1 + span + 1) * bucketMs - now
              break
            end
          end
        end
        verdict = '[2,' .. (i - 1) .. ',' .. whole(math.max(sum, known)) .. ',' .. whole(wait) .. ']'
        break
      end
      buckets[i], totals[i] = bucket, sum + amount
    end
  end
  if not verdict then
    local parts = { '1' }
    for i, a in ipairs(r.a) do
      add(KEYS[a[1] + 4], buckets[i], a[7], a[5], buckets[i] - a[3])
      parts[#parts + 1] = whole(buckets[i])
      parts[#parts + 1] = whole(totals[i])
    end
    verdict = '[' .. table.concat(parts, ',') .. ']'
    for _, s in ipairs(r.s) do own[s[1]] = (own[s[1]] or 0) + 1 end
  end
  answers[#answers + 1] = verdict
end
for name, count in pairs(own) do
  if count > 0 then
    redis.call('HSET', KEYS[2], name .. '\\n' .. me, whole(count))
  else
    redis.call('HDEL', KEYS[2], name .. '\\n' .. me)
  end
end
redis.call('PEXPIRE', KEYS[2], ${keyTtlMs})
out[2] = '[' .. table.concat(answers, ',') .. ']'
for _, field in ipairs(redis.call('HKEYS', calls)) do
  if tonumber(field) and not unsure[field] then redis.call('HDEL', calls, field) end
end
redis.call('HSET', calls, 'limits', number, number, out[2])
redis.call('PEXPIRE', calls, ${stateTtlMs})
return out
`,
)
