-- One step of a transaction: checks, then effects, then its outcome.
--
-- KEYS 1 meta, then all that checks and effects touch.
-- ARGV 1 program, 2 owner, 3 unchanged_since or '', then what the program takes, in order; of a prepared one at last its
-- primary and its lease, 4 bytes each. An argument costs the server more than the bytes in it, so all that is small and not
-- data is packed into the program:
--   bytes 1-8 lane, 9-16 number, 17 flags (1 write in any case, so that WAIT has what to wait for; 2 an effect adds; and 4
--   times the step, below), 18-21 schema, 22-25 number of reads, 26-29 number of all checks, 30-33 number of sentinels,
--   34-37 where in the program and 38-41 where in ARGV the checks begin that `unchanged_since` does not stand for; then
--   checks, sentinels, effects.
-- Steps: 0 one; 1 prepare; 2 push; 3 push and abort; 4 finish, aborted; 5 finish, committed, with the effects that were
-- prepared; 6 the same, for a caller who saw none prepared.
--
-- Answers one string: 'D' seq; 'R' n or 'C' n, a read or a check that failed; 'S' gate; 'B', id, primary and '1' if its
-- lease is over, a prepared transaction in the way; 'X', aborted; 'U', undecided; 'T', it is prepared after all; 'A' and what
-- was recorded; 'L', a later one of the lane was decided; 'E', to be adopted first; 'F' or 'G', another database or none;
-- 'O' n, effect n overflows; 'N' n, effect n adds to what is no counter; 'M' and an entry without its record.
--
-- Nothing may fail after the first effect: Redis keeps what a failed script has done. So whatever can fail is tried
-- before: sums are computed, and the type of each key is proved by its sentinel.
local meta, program = KEYS[1], ARGV[1]
local lane, number = sub(program, 1, 8), sub(program, 9, 16)
local flags, schema, reads, checks, sentinels, after_reads, data_after_reads = unpack_bytes('>BI4I4I4I4I4I4', program, 17)
local writes_always, adds = flags % 2 == 1, flags % 4 >= 2
local step = (flags - flags % 4) / 4

local state = call('HMGET', meta, 'owner', 'seq', 'gate', lane, 'pending')
if state[1] ~= ARGV[2] then
  local id = call('HGET', meta, 'id')
  return not id and 'G' or sub(ARGV[2], 1, #id) == id and 'E' or 'F'
end

-- Functions are made anew in each run, so the common path makes none.
local gate, pending = state[3], state[5] or ''
local id, keep, prepared_at, belongs = nil, nil, nil, nil
if step == 1 or step > 2 then
  id, keep = sub(program, 1, 16), locks()
  prepared_at, belongs = keep.find(pending, id)
end
local finishes = prepared_at and step > 3
if finishes and step == 6 then return 'T' end

local last, record_stays = state[4], false
if last then
  local recorded = sub(last, 1, 8)
  local known = nil
  if recorded == number then
    known = 'A' .. sub(last, 9)
  else
    local recorded_hi, recorded_lo = unpack_bytes('>I4I4', recorded)
    local hi, lo = unpack_bytes('>I4I4', number)
    if recorded_hi > hi or (recorded_hi == hi and recorded_lo > lo) then known = 'L' end
  end
  if known and finishes then
    -- What is prepared beside such a record was left over by a failover that lost an answer.
    record_stays = true
  elseif known then
    if writes_always then call('HSET', meta, lane, last) end
    return known
  end
end

if step == 2 then
  if writes_always then call('HSET', meta, '', '') end
  return 'U'
elseif step == 1 and prepared_at then
  local record = call('HGET', meta, 'x' .. id)
  if writes_always then call('HSET', meta, 'x' .. id, record) end
  return 'D' .. sub(record, 14, 13 + byte(record, 13))
elseif step == 3 or step == 4 or (step > 4 and not prepared_at) then
  if not prepared_at then
    call('HSET', meta, lane, number .. 'X')
    return 'X'
  end
  -- First of all: a server without memory refuses the first write of a script alone, and no removal.
  call('HDEL', meta, 'x' .. id)
  call('HSET', meta, 'pending', keep.without(pending, prepared_at))
  if not record_stays then call('HSET', meta, lane, number .. 'X') end
  return step == 3 and 'X' or 'D' .. state[2]
end

-- Why it is not carried out. What is finished was tested when it was prepared.
local refusal = nil
if step < 2 then
  if gate and tonumber(gate) > schema then
    refusal = 'S' .. gate
  elseif pending ~= '' then
    keep = keep or locks()
    refusal = keep.blocking(pending, program, checks, sentinels)
  end
end

-- Where the program and its data are.
local at, data, first = 42, 4, 1
if ARGV[3] == state[2] then
  first, at, data = reads + 1, after_reads, data_after_reads
end
for i = first, refusal and 0 or checks do
  local held = true
  local op, k1, k2, h1, h2, mode, reverse = byte(program, at, at + 6)
  if op == 78 then -- N hash: key; there is none
    held = call('HEXISTS', KEYS[k1 * 256 + k2], ARGV[data]) == 0
    at, data = at + 3, data + 1
  elseif op == 86 then -- V hash: key, version
    local value = call('HGET', KEYS[k1 * 256 + k2], ARGV[data])
    held = value and sub(value, 1, 16) == ARGV[data + 1]
    at, data = at + 3, data + 2
  elseif op == 67 then -- C zset: lo, hi, limit, n
    local n = call('ZLEXCOUNT', KEYS[k1 * 256 + k2], ARGV[data], ARGV[data + 1])
    held = math.min(n, tonumber(ARGV[data + 2])) == tonumber(ARGV[data + 3])
    at, data = at + 3, data + 4
  else -- E zset hash mode reverse: lo, hi, most, n, digest
    local scan = spans()
    local lo, hi, most, n = ARGV[data], ARGV[data + 1], tonumber(ARGV[data + 2]), tonumber(ARGV[data + 3])
    mode, reverse = string.char(mode), reverse == 1
    local visited, chain = 0, ''
    while visited < most do
      local ask = math.min(CHUNK, most - visited)
      local found = scan.members(KEYS[k1 * 256 + k2], lo, hi, reverse, ask)
      if #found == 0 then break end
      local behind = mode ~= 'n' and scan.records(KEYS[h1 * 256 + h2], found, mode)
      local parts = { chain }
      for place, member in ipairs(found) do
        parts[#parts + 1] = pack('>I4', #member)
        parts[#parts + 1] = member
        if behind then
          if not behind[place] then return 'M' .. member end
          parts[#parts + 1] = sub(behind[place], 1, 16)
        end
      end
      chain = redis.sha1hex(table.concat(parts))
      visited = visited + #found
      if #found < ask then break end
      if reverse then hi = '(' .. found[#found] else lo = '(' .. found[#found] end
    end
    held = visited == n and chain == ARGV[data + 4]
    at, data = at + 7, data + 5
  end
  if not held then
    refusal = i <= reads and 'R' .. i - 1 or 'C' .. i - 1 - reads
    break
  end
end

local effects = at + sentinels * 3
if step == 0 and not refusal and effects > #program then refusal = 'D' .. state[2] end
if refusal then
  -- If there is no memory to record it, a repeat is judged anew; it has no effects either.
  redis.pcall('HSET', meta, lane, number .. refusal)
  return refusal
end

-- Effects: op, hash or zset of an index, zset; then key, and for P (a record), Q (a versioned one), A and B (additions
-- to such) a value; I and x put and remove an entry, d removes a record, G raises the gate.
local sums = {}
if adds then
  local written, zero = {}, string.rep('\0', 16)
  local datum, n = data, 0
  for i = effects, #program, 5 do
    local op, k1, k2 = byte(program, i, i + 2)
    local k, key, value = k1 * 256 + k2, ARGV[datum], ARGV[datum + 1]
    local space = written[k]
    if not space then
      space = {}
      written[k] = space
    end
    if op == 65 or op == 66 then
      local before = space[key]
      if before == nil then
        before = call('HGET', KEYS[k], key)
        if before and op == 66 then before = sub(before, 17) end
      end
      before = before or zero
      if #before ~= 16 then return 'N' .. n end
      -- The sum of two i128. Limbs of 32 bits are exact in a double.
      local a1, a2, a3, a4 = unpack_bytes('>I4I4I4I4', before)
      local b1, b2, b3, b4 = unpack_bytes('>I4I4I4I4', value)
      local s1, s2, s3, s4 = a1 + b1, a2 + b2, a3 + b3, a4 + b4
      if s4 >= 4294967296 then s4, s3 = s4 - 4294967296, s3 + 1 end
      if s3 >= 4294967296 then s3, s2 = s3 - 4294967296, s2 + 1 end
      if s2 >= 4294967296 then s2, s1 = s2 - 4294967296, s1 + 1 end
      if s1 >= 4294967296 then s1 = s1 - 4294967296 end
      local negative = a1 >= 2147483648
      if negative == (b1 >= 2147483648) and negative ~= (s1 >= 2147483648) then return 'O' .. n end
      local sum = pack('>I4I4I4I4', s1, s2, s3, s4)
      space[key], sums[i] = sum, sum
    elseif op == 80 then
      space[key] = value
    elseif op == 81 then
      space[key] = sub(value, 17)
    elseif op == 100 then
      space[key] = false
    end
    n = n + 1
    datum = datum + ((op == 80 or op == 81 or op == 65 or op == 66) and 2 or 1)
  end
end

-- Each key of a partition keeps a member that is never removed. So no key vanishes in the middle of a script, and a
-- key of the wrong type, someone else's, is met before the first effect.
for i = at, effects - 1, 3 do
  local op, k1, k2 = byte(program, i, i + 2)
  local key, made = KEYS[k1 * 256 + k2], nil
  if op == 104 then -- h
    made = redis.pcall('HEXISTS', key, '')
    if made == 0 then made = redis.pcall('HSET', key, '', '') end
  else -- z
    made = redis.pcall('ZSCORE', key, '')
    if not made then made = redis.pcall('ZADD', key, '0', '') end
  end
  if type(made) == 'table' and made.err then return made end
end

if step == 1 then
  local seq, primary, lease = state[2], unpack_bytes('>I4I4', ARGV[#ARGV])
  if effects <= #program then seq = keep.raise(seq) end
  local record = keep.record(program, checks, sentinels, primary, lease, seq)
  local list = sub(pending, 1, belongs - 1) .. id .. sub(pending, belongs)
  call('HSET', meta, 'x' .. id, record, 'pending', list, 'seq', seq)
  return 'D' .. seq
end

-- First of all, as above.
if step == 5 then call('HDEL', meta, 'x' .. id) end

for i = effects, #program, 5 do
  local op, h1, h2, z1, z2 = byte(program, i, i + 4)
  local key = ARGV[data]
  data = data + 1
  if op == 73 then
    call('ZADD', KEYS[h1 * 256 + h2], '0', key)
  elseif op == 120 then
    call('ZREM', KEYS[h1 * 256 + h2], key)
  elseif op == 100 then
    if call('HDEL', KEYS[h1 * 256 + h2], key) == 1 then call('ZREM', KEYS[z1 * 256 + z2], key) end
  elseif op == 71 then
    if not gate or tonumber(key) > tonumber(gate) then
      gate = key
      call('HSET', meta, 'gate', gate)
    end
  else
    local value = ARGV[data]
    data = data + 1
    if op == 65 then
      value = sums[i]
    elseif op == 66 then
      value = sub(program, 1, 16) .. sums[i]
    end
    if call('HSET', KEYS[h1 * 256 + h2], key, value) == 1 then call('ZADD', KEYS[z1 * 256 + z2], '0', key) end
  end
end

local seq = state[2]
if step == 5 then
  if effects <= #program then seq = keep.raise(seq) end
  call('HSET', meta, 'seq', seq, 'pending', keep.without(pending, prepared_at))
  if not record_stays then call('HSET', meta, lane, number .. 'D' .. seq) end
elseif byte(seq, #seq) < 57 then
  -- Nine times of ten only the last digit changes. To calculate and print the number would take longer than a command.
  seq = sub(seq, 1, -2) .. string.char(byte(seq, #seq) + 1)
  call('HSET', meta, 'seq', seq, lane, number .. 'D' .. seq)
else
  call('HINCRBY', meta, 'seq', '1')
  seq = call('HGET', meta, 'seq')
  call('HSET', meta, lane, number .. 'D' .. seq)
end
return 'D' .. seq
