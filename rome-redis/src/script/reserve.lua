-- Takes numbers of a sequence. KEYS 1 meta, 2 sequences. ARGV 1 owner, 2 field, 3 how many, 4 the last number
-- that was given at least.
-- Answers 'D' and the last number of the block, 'O' if the sequence is used up, 'E', 'F' or 'G' as apply does.
if call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
  local id = call('HGET', KEYS[1], 'id')
  return not id and 'G' or sub(ARGV[1], 1, #id) == id and 'E' or 'F'
end
-- Whoever removes something needs a lane. A server without memory refuses the first write of a script alone, and no removal, so
-- that one is of a field that is never there. Keys are for what is added.
if ARGV[2] == 'q:lanes' then call('HDEL', KEYS[2], 'none') end
-- As text, since numbers are doubles here.
local last, least = call('HGET', KEYS[2], ARGV[2]) or '0', ARGV[4]
if #last < #least or (#last == #least and last < least) then
  local set = redis.pcall('HSET', KEYS[2], ARGV[2], least)
  if type(set) == 'table' then return set end
end
local raised = redis.pcall('HINCRBY', KEYS[2], ARGV[2], ARGV[3])
if type(raised) == 'table' then
  if string.find(raised.err, 'overflow') then return 'O' end
  return raised
end
-- Not `raised`, which is a double.
return 'D' .. call('HGET', KEYS[2], ARGV[2])
