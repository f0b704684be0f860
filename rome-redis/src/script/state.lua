-- Prepended to apply.lua, after shared.lua: the header of the first step, and what the partition's meta says.
local ARGV, KEYS = ARGV, KEYS
local meta, owner, first_program = KEYS[1], ARGV[1], ARGV[2]
local first_flags, first_step, programs, start_high, start_low, first_reads, first_checks, first_sentinels =
  byte(first_program, 17, 24)

local state
if programs == 1 then
  state = call('HMGET', meta, 'owner', 'seq', 'gate', 'pending', sub(first_program, 1, 8))
else
  local fields = { 'owner', 'seq', 'gate', 'pending' }
  for i = 1, programs do fields[4 + i] = sub(ARGV[1 + i], 1, 8) end
  state = call('HMGET', meta, unpack(fields))
end
local seq, gate, pending = state[2], state[3], state[4] or ''
