import { keyTtlMs, stateTtlMs } from './keys.ts'
import { script, serverNow } from './script.ts'

/** Longest time for which a replica may use what was counted ahead for it. */
const leaseMs = 200
/** The others ask for a lease for this much longer: what is left of it arrives after its end. */
const returnMs = 300
/** A lease that ends sooner, or is for fewer requests, is not worth its call. */
const minLeaseMs = 10
const minLeaseRequests = 8

/**
 * Decides about many requests at once: each reserves all of its amounts and slots, or nothing.
 *
 * A call that is repeated returns what it returned before; one that arrives after a later one changes nothing. The
 * answers of calls that the replica is unsure of are kept until it has read them.
 *
 * A group of requests may get a lease: amounts and slots that are counted ahead, for requests of the next moment. All
 * replicas together lease at most a sixteenth of what is left of an amount, and a quarter of the free slots. If what
 * others have leased may be the reason for a refusal, they are asked to give it back, and the request may ask again.
 *
 * Keys: alive, slots, calls of the replica, leases, then a hash for each limit, of amounts by bucket. Arguments: replica,
 * channel, and JSON with
 * - `number`: of the call
 * - `epoch`: that the replica knows
 * - `acked`: of the last call that the replica has an answer to
 * - `unsure`: numbers of earlier calls that the replica has no answer to
 * - `own`: slots that the replica holds, by name, absolute
 * - `freed`: keys of limits and names of slots of which the replica holds no lease any more, `recalled`: 1 if others wait
 * - `settled`: index of a key, bucket, difference
 * - `late`: index of a key, length of a bucket, bucket of a calendar, TTL, amount to add whatever the limit
 * - `limits`: index of a key, length of a bucket, span, bucket of a calendar, TTL, limit, and what the replica knew to be
 *   used before the first of the requests
 * - `slots`: lists of slots as name and limit
 * - `groups`: what requests of one caller have in common: `s`, index of a list of slots, `l`, indexes of limits, and `w`,
 *   the number of requests for which a lease is wanted
 * - `requests`: index of a group, then an amount for each of its limits
 *
 * Returns `lost` to a replica that is no member or knows another epoch, `late` to a call that is not the latest, `behind` if the server has lost
 * calls that it had answered, or `ok`, the answer, those to unsure calls, empty for one that has not run and will not, and
 * if the call was not repeated the server's time in microseconds and what buckets now contain: those of `settled` (-1 if
 * the server knows nothing of one), of `late` after the number of each bucket, and of `limits`. An answer is JSON: the bucket of each limit, then for
 * each request `1`, `[2,index of the amount,total,wait,1 if it may ask again]` or `[3,index of the slot,1 if it may ask
 * again]`, then each lease: index of the group, milliseconds, amounts of its limits, slots that the replica then holds.
 */
export const limitsScript = script(
  'limits',
  `${serverNow}local me = ARGV[1]
local batch = cjson.decode(ARGV[3])
local calls, leases, number = KEYS[3], KEYS[4], tostring(batch.number)
local mine = redis.call('ZSCORE', KEYS[1], me)
if not mine or tonumber(mine) < now then return { 'lost' } end
if redis.call('HGET', calls, 'epoch') ~= batch.epoch then return { 'lost' } end
local latest = tonumber(redis.call('HGET', calls, 'limits') or '0')
if latest < batch.acked then return { 'behind' } end
local out, unsure = { 'ok', '' }, {}
for i, n in ipairs(batch.unsure) do
  unsure[tostring(n)] = true
  out[i + 2] = redis.call('HGET', calls, tostring(n)) or ''
end
if latest >= batch.number then
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
  return sum
end
local seen = { whole(t[1] * 1000000 + t[2]) }
local function bucketOf(bucketMs, bucket)
  if bucketMs > 0 then return math.floor(now / bucketMs) end
  return bucket
end
for _, s in ipairs(batch.settled) do
  local key, field = KEYS[s[1] + 5], whole(s[2])
  local held = redis.call('HGET', key, field)
  local value = '-1'
  if held then
    value = whole(math.max(0, tonumber(held) + s[3]))
    redis.call('HSET', key, field, value)
  end
  seen[#seen + 1] = value
end
for _, l in ipairs(batch.late) do
  local bucket = bucketOf(l[2], l[3])
  local sum = add(KEYS[l[1] + 5], bucket, l[5], l[4], bucket - 30)
  seen[#seen + 1] = whole(bucket)
  seen[#seen + 1] = whole(sum)
end
for _, name in ipairs(batch.freed) do redis.call('ZREM', leases, name .. '\\n' .. me) end
local members = redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')
local recalled = {}
local function recalls(name)
  local found = false
  for _, id in ipairs(members) do
    local ends = id ~= me and redis.call('ZSCORE', leases, name .. '\\n' .. id)
    if ends and tonumber(ends) > now then found = true end
  end
  if found then recalled[name] = true end
  return found and 1 or 0
end
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
local states, byBucket, buckets = {}, {}, {}
for at, l in ipairs(batch.limits) do
  local span, bucket = l[3], bucketOf(l[2], l[4])
  local name = l[1] .. ' ' .. whole(bucket)
  local state = byBucket[name]
  if not state then
    local key, fields, sum = KEYS[l[1] + 5], {}, 0
    for b = bucket - span, bucket do fields[#fields + 1] = whole(b) end
    local rows = redis.call('HMGET', key, unpack(fields))
    for j = 1, #rows do
      rows[j] = tonumber(rows[j] or '0')
      sum = sum + rows[j]
    end
    state = { key = key, bucket = bucket, span = span, ttl = l[5], rows = rows, sum = sum, added = 0, known = l[7] }
    byBucket[name] = state
  end
  state.known = math.min(state.known, l[7])
  states[at], buckets[at] = state, whole(bucket)
end
for _, state in pairs(byBucket) do state.lost = math.max(0, state.known - state.sum) end
local function refusal(at, l, state, amount)
  local wait = 0
  if amount > l[6] then
    wait = -1
  elseif l[2] > 0 then
    local rest = state.sum
    for j = 1, #state.rows do
      rest = rest - state.rows[j]
      if rest + amount <= l[6] then
        wait = (state.bucket + j) * l[2] - now
        break
      end
    end
  end
  local again = wait == -1 and 0 or recalls(state.key)
  return '[2,' .. at .. ',' .. whole(state.sum + state.lost) .. ',' .. whole(wait) .. ',' .. again .. ']'
end
local answers, granted = {}, {}
for _, r in ipairs(batch.requests) do
  local group = batch.groups[r[1] + 1]
  local slots = batch.slots[group.s + 1]
  local verdict
  for i, s in ipairs(slots) do
    if othersOf(s[1]) + (own[s[1]] or 0) + 1 > s[2] then
      verdict = '[3,' .. (i - 1) .. ',' .. recalls(s[1]) .. ']'
      break
    end
  end
  if not verdict then
    for i, at in ipairs(group.l) do
      local l, state, amount = batch.limits[at + 1], states[at + 1], r[i + 1]
      if state.sum + state.lost + amount > l[6] then
        verdict = refusal(i - 1, l, state, amount)
        break
      end
    end
  end
  if not verdict then
    verdict = '1'
    local grant = granted[r[1] + 1]
    if not grant then
      grant = { count = 0, sums = {} }
      granted[r[1] + 1] = grant
    end
    grant.count = grant.count + 1
    for i, at in ipairs(group.l) do
      local state, amount = states[at + 1], r[i + 1]
      grant.sums[i] = (grant.sums[i] or 0) + amount
      state.sum, state.added = state.sum + amount, state.added + amount
      state.rows[#state.rows] = state.rows[#state.rows] + amount
    end
    for _, s in ipairs(slots) do own[s[1]] = (own[s[1]] or 0) + 1 end
  end
  answers[#answers + 1] = verdict
end
local function lease(group, grant)
  local count, ms = group.w, ${leaseMs}
  for i, at in ipairs(group.l) do
    local l, state, each = batch.limits[at + 1], states[at + 1], grant.sums[i] / grant.count
    if l[2] > 0 then ms = math.min(ms, (state.bucket + 1) * l[2] - now) end
    local room = math.floor((l[6] - state.sum - state.lost) / (16 * #members))
    if each > 0 then count = math.min(count, math.floor(room / each)) end
  end
  if count < ${minLeaseRequests} or ms < ${minLeaseMs} then return end
  local slots, free = batch.slots[group.s + 1], {}
  for i, s in ipairs(slots) do
    free[i] = math.min(count, math.floor((s[2] - othersOf(s[1]) - (own[s[1]] or 0)) / (4 * #members)))
    if free[i] < 1 then return end
  end
  local row, ends = { ms }, now + ms + ${returnMs}
  for i, at in ipairs(group.l) do
    local state = states[at + 1]
    local amount = math.floor(grant.sums[i] / grant.count * count)
    state.sum, state.added = state.sum + amount, state.added + amount
    redis.call('ZADD', leases, ends, state.key .. '\\n' .. me)
    row[#row + 1] = whole(amount)
  end
  for i, s in ipairs(slots) do
    own[s[1]] = (own[s[1]] or 0) + free[i]
    redis.call('ZADD', leases, ends, s[1] .. '\\n' .. me)
    row[#row + 1] = whole(own[s[1]])
  end
  return table.concat(row, ',')
end
local hasLeases = false
for at, grant in pairs(granted) do
  local row = batch.groups[at].w > 0 and lease(batch.groups[at], grant)
  if row then
    answers[#answers + 1] = '[' .. (at - 1) .. ',' .. row .. ']'
    hasLeases = true
  end
end
if hasLeases then
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
  redis.call('PEXPIRE', leases, ${keyTtlMs})
end
local wanted = {}
for name in pairs(recalled) do wanted[#wanted + 1] = name end
if #wanted > 0 then
  redis.call('PUBLISH', ARGV[2], cjson.encode({ kind = 'limits', by = me, wanted = wanted }))
elseif batch.recalled == 1 then
  redis.call('PUBLISH', ARGV[2], cjson.encode({ kind = 'limits', by = me, isFree = true }))
end
for _, state in pairs(byBucket) do
  state.now = state.rows[#state.rows]
  if state.added > 0 then
    state.now = add(state.key, state.bucket, state.added, state.ttl, state.bucket - state.span)
  end
end
for _, state in ipairs(states) do seen[#seen + 1] = whole(state.now) end
out[#out + 1] = table.concat(seen, ',')
for name, count in pairs(own) do
  if count > 0 then
    redis.call('HSET', KEYS[2], name .. '\\n' .. me, whole(count))
  else
    redis.call('HDEL', KEYS[2], name .. '\\n' .. me)
  end
end
redis.call('PEXPIRE', KEYS[2], ${keyTtlMs})
table.insert(answers, 1, '[' .. table.concat(buckets, ',') .. ']')
out[2] = '[' .. table.concat(answers, ',') .. ']'
for _, field in ipairs(redis.call('HKEYS', calls)) do
  if tonumber(field) and not unsure[field] then redis.call('HDEL', calls, field) end
end
redis.call('HSET', calls, 'limits', number, number, out[2])
redis.call('PEXPIRE', calls, ${stateTtlMs})
return out
`,
)
