-- Prepended to every script.
--
-- Redis numbers in Lua are doubles: sequence numbers, counters and versions stay strings here. Strings are compared for
-- equality only, since `<` on strings follows the server's locale. A number as an argument of a command costs a
-- conversion by `printf`, so constants are strings too.
local call, sub, byte = redis.call, string.sub, string.byte
local pack, unpack_bytes = struct.pack, struct.unpack
