-- Applies one minitransaction: checks, then effects, then its outcome.
--
-- KEYS 1 meta, 2 outcomes by lane, then all that checks and effects touch.
-- ARGV 1 id, 2 database, 3 schema, 4 unchanged_since or '', 5 '1' to write in any case (so that WAIT has what to wait
--   for), 6 where checks that `unchanged_since` does not stand for begin, 7 number of reads, 8 number of all checks,
--   9 where the sentinels begin, 10 where the effects begin, 11 '1' if an effect adds; then checks, sentinels, effects.
--
-- Answers one string: 'D' seq; 'R' n or 'C' n, a read or a check that failed; 'S' gate; 'A' and what was recorded; 'L',
-- a later one of the lane was decided; 'F' or 'G', another database or none; 'O' n, effect n overflows; 'N' n, effect n
-- adds to what is no counter; 'M' and an entry without its record.
--
-- Nothing may fail after the first effect: Redis keeps what a failed script has done. So whatever can fail is tried
-- before: sums are computed, and the type of each key is proved by its sentinel.
local meta, outcomes, id = KEYS[1], KEYS[2], ARGV[1]
local lane, number = sub(id, 1, 8), sub(id, 9, 16)

local state = call('HMGET', meta, 'id', 'seq', 'gate')
if state[1] ~= ARGV[2] then return state[1] and 'F' or 'G' end

local last = call('HGET', outcomes, lane)
if last then
  local recorded = sub(last, 1, 8)
  if recorded == number then
    if ARGV[5] == '1' then call('HSET', outcomes, lane, last) end
    return 'A' .. sub(last, 9)
  end
  local recorded_hi, recorded_lo = unpack_bytes('>I4I4', recorded)
  local hi, lo = unpack_bytes('>I4I4', number)
  if recorded_hi > hi or (recorded_hi == hi and recorded_lo > lo) then
    if ARGV[5] == '1' then call('HSET', outcomes, lane, last) end
    return 'L'
  end
end

-- Records an outcome without effects. If there is no memory for it, a repeat is judged anew; it has no effects either.
local function refuse(outcome)
  redis.pcall('HSET', outcomes, lane, number .. outcome)
  return outcome
end

local gate = state[3]
if gate and tonumber(gate) > tonumber(ARGV[3]) then return refuse('S' .. gate) end

local at = 12
local missing = nil

local function same()
  local zset, hash, mode = KEYS[tonumber(ARGV[at + 1])], KEYS[tonumber(ARGV[at + 2])], ARGV[at + 3]
  local lo, hi, reverse = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6] == '1'
  local most, n, chain = tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8]), ''
  local visited = 0
  while visited < most do
    local ask = math.min(CHUNK, most - visited)
    local found = members(zset, lo, hi, reverse, ask)
    if #found == 0 then break end
    local behind = mode ~= 'n' and records(hash, found, mode)
    local parts = { chain }
    for i, member in ipairs(found) do
      parts[#parts + 1] = pack('>I4', #member)
      parts[#parts + 1] = member
      if behind then
        if not behind[i] then
          missing = 'M' .. member
          return false
        end
        parts[#parts + 1] = sub(behind[i], 1, 16)
      end
    end
    chain = redis.sha1hex(concat(parts))
    visited = visited + #found
    if #found < ask then break end
    if reverse then hi = '(' .. found[#found] else lo = '(' .. found[#found] end
  end
  return visited == n and chain == ARGV[at + 9]
end

local function holds()
  local op = ARGV[at]
  if op == 'V' then
    local value = call('HGET', KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2])
    local expect = ARGV[at + 3]
    at = at + 4
    return (value and sub(value, 1, 16) or '') == expect
  elseif op == 'C' then
    local n = call('ZLEXCOUNT', KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2], ARGV[at + 3])
    local held = math.min(n, tonumber(ARGV[at + 4])) == tonumber(ARGV[at + 5])
    at = at + 6
    return held
  elseif op == 'E' then
    local held = same()
    at = at + 10
    return held
  end
  -- 'F': intents and read locks come only with several partitions.
  at = at + 1
  return true
end

local reads, checks, first = tonumber(ARGV[7]), tonumber(ARGV[8]), 1
if ARGV[4] == state[2] then
  first, at = reads + 1, tonumber(ARGV[6])
end
for i = first, checks do
  if not holds() then
    if missing then return missing end
    if i <= reads then return refuse('R' .. i - 1) end
    return refuse('C' .. i - 1 - reads)
  end
end

local sentinels, effects = tonumber(ARGV[9]), tonumber(ARGV[10])
if effects > #ARGV then return refuse('D' .. state[2]) end

local ZERO = string.rep('\0', 16)

-- The sum of two i128 in 16 big-endian bytes; nil if it overflows. Limbs of 32 bits are exact in a double.
local function add(a, b)
  local a1, a2, a3, a4 = unpack_bytes('>I4I4I4I4', a)
  local b1, b2, b3, b4 = unpack_bytes('>I4I4I4I4', b)
  local s4 = a4 + b4
  local s3, s2, s1 = a3 + b3, a2 + b2, a1 + b1
  if s4 >= 4294967296 then s4, s3 = s4 - 4294967296, s3 + 1 end
  if s3 >= 4294967296 then s3, s2 = s3 - 4294967296, s2 + 1 end
  if s2 >= 4294967296 then s2, s1 = s2 - 4294967296, s1 + 1 end
  if s1 >= 4294967296 then s1 = s1 - 4294967296 end
  local negative = a1 >= 2147483648
  if negative == (b1 >= 2147483648) and negative ~= (s1 >= 2147483648) then return nil end
  return pack('>I4I4I4I4', s1, s2, s3, s4)
end

-- Effects are five arguments each: op, key of the hash or index, key of its ordered keys, record, value.
local sums = {}
if ARGV[11] == '1' then
  local written = {}
  for i = effects, #ARGV, 5 do
    local op, k, key = ARGV[i], ARGV[i + 1], ARGV[i + 3]
    local space = written[k]
    if not space then
      space = {}
      written[k] = space
    end
    if op == 'A' or op == 'B' then
      local before = space[key]
      if before == nil then
        before = call('HGET', KEYS[tonumber(k)], key)
        if before and op == 'B' then before = sub(before, 17) end
      end
      before = before or ZERO
      if #before ~= 16 then return 'N' .. (i - effects) / 5 end
      local sum = add(before, ARGV[i + 4])
      if not sum then return 'O' .. (i - effects) / 5 end
      space[key], sums[i] = sum, sum
    elseif op == 'P' then
      space[key] = ARGV[i + 4]
    elseif op == 'Q' then
      space[key] = sub(ARGV[i + 4], 17)
    elseif op == 'd' then
      space[key] = false
    end
  end
end

-- Each key of a partition keeps a member that is never removed. So no key vanishes in the middle of a script, and a
-- key of the wrong type, someone else's, is met before the first effect.
for i = sentinels, effects - 1, 2 do
  local key, made = KEYS[tonumber(ARGV[i + 1])], nil
  if ARGV[i] == 'h' then
    made = redis.pcall('HEXISTS', key, '')
    if made == 0 then made = redis.pcall('HSET', key, '', '') end
  else
    made = redis.pcall('ZSCORE', key, '')
    if not made then made = redis.pcall('ZADD', key, 0, '') end
  end
  if type(made) == 'table' and made.err then return made end
end

for i = effects, #ARGV, 5 do
  local op, key = ARGV[i], ARGV[i + 3]
  if op == 'I' then
    call('ZADD', KEYS[tonumber(ARGV[i + 1])], 0, key)
  elseif op == 'x' then
    call('ZREM', KEYS[tonumber(ARGV[i + 1])], key)
  elseif op == 'd' then
    if call('HDEL', KEYS[tonumber(ARGV[i + 1])], key) == 1 then call('ZREM', KEYS[tonumber(ARGV[i + 2])], key) end
  elseif op == 'G' then
    if not gate or tonumber(key) > tonumber(gate) then
      gate = key
      call('HSET', meta, 'gate', gate)
    end
  else
    local value = ARGV[i + 4]
    if op == 'A' then value = sums[i] elseif op == 'B' then value = id .. sums[i] end
    if call('HSET', KEYS[tonumber(ARGV[i + 1])], key, value) == 1 then
      call('ZADD', KEYS[tonumber(ARGV[i + 2])], 0, key)
    end
  end
end

-- The reply is a double, exact up to 2^53 only.
local raised = call('HINCRBY', meta, 'seq', 1)
local seq = raised < 9007199254740992 and string.format('%.0f', raised) or call('HGET', meta, 'seq')
call('HSET', outcomes, lane, number .. 'D' .. seq)
return 'D' .. seq
